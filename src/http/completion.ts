/** What a purpose adds to the two steps at the end of a sitting. */
import type { Account, AddedBy, Passkey } from "../account/account.ts";
import type { House } from "./house.ts";
import type { Sitting } from "./sitting.ts";
import type { Visit } from "./visit.ts";

export interface Completion {
  addedBy: AddedBy;
  /** What the enrol page offers besides, for example an address for "Not now". */
  enrolModel(
    house: House,
    visit: Visit,
    account: Account,
  ): Promise<{ notNowUrl?: string; others?: { id: string; name: string }[] }>;
  /** The passkey is proved: what it replaces ends now, durably, before anything is answered. */
  proved(house: House, sitting: Sitting, account: Account, passkey: Passkey): Promise<void>;
}
