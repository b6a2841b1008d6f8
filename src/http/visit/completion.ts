/** What a purpose adds to the two steps at the end of a sitting. */
import type { Account, AddedBy, Passkey } from "../../account/account.ts";
import type { House } from "../page/house.ts";
import type { Sitting } from "./sitting.ts";
import type { Visit } from "./visit.ts";

export interface Completion {
  addedBy: AddedBy;
  /**
   * The browser's password manager may make the passkey by itself (WebAuthn Level 3, section 5.1.3): right after a
   * password was typed it knows for whom, and that it is kept where the password was.
   */
  conditional?: true;
  /** What the new passkey is until it is proved: one that is pending opens nothing. */
  unproved: "active" | "pending";
  /** Whether what began this sitting still counts. */
  goesOn(sitting: Sitting, account: Account): boolean;
  /** The fingerprint of the link that undoes the new passkey, where somebody else may have made it. */
  undo?(house: House, account: Account): string;
  /** The passkey was added: where it signs in from now on, whether or not it is ever proved here, that is told. */
  added?(house: House, account: Account, passkey: Passkey): Promise<void>;
  /** What the enrol page offers besides, for example an address for "Not now". */
  enrolModel(
    house: House,
    visit: Visit,
    account: Account,
  ): Promise<{ notNowUrl?: string; others?: { id: string; name: string }[] }>;
  /**
   * The passkey is proved: what it replaces ends now, durably, before anything is answered. `wait` when it does not
   * sign in yet, `codes` when a new set of recovery codes is made first.
   */
  proved(
    house: House,
    sitting: Sitting,
    account: Account,
    passkey: Passkey,
  ): Promise<"done" | "wait" | "codes">;
}
