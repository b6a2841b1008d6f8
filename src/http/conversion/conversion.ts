/** How a password becomes a passkey: what is asked in between, who may put it off, and what the proof completes. */
import type { Account } from "../../account/account.ts";
import { day } from "../../clock.ts";
import { PASSWORD } from "../../oidc/assurance.ts";
import { undoFingerprint, undoOf } from "../link/undo-link.ts";
import type { House } from "../page/house.ts";
import type { Completion } from "../visit/completion.ts";
import type { Visit } from "../visit/visit.ts";

/** The second proof that is asked between the password and the passkey: a leaked password alone must not convert. */
export function secondProof({ settingsOf, mail }: House, account: Account): "email" | "pass" | "none" {
  const { confirm } = settingsOf(account.groups).passwords;
  const reachable = mail !== undefined && account.emailVerified && account.email !== undefined;
  if (confirm === undefined) return reachable ? "email" : "none";
  // An operator who asks for a proof by mail does not mean nothing at all where there is no mail.
  return confirm === "email" && !reachable ? "pass" : confirm;
}

/** Whether "Not now" is an answer: by the operator's mode, and by what the app demands to know. */
export async function mayDecline(house: House, visit: Visit, account: Account): Promise<boolean> {
  const { mode, requireAfter } = house.settingsOf(account.groups).passwords;
  if (mode === "require") return false;
  if (mode === "require-after" && (requireAfter ?? "") <= day(house.clock.now())) return false;
  return visit.accepts(PASSWORD);
}

export const conversion: Completion = {
  addedBy: "conversion",
  conditional: true,
  unproved: "active",
  // The account's own rules ask whether the password is still open.
  goesOn: () => true,
  undo: (house, account) => undoFingerprint(house, account.id),
  async added(house, account, { name }) {
    const at = house.clock.now();
    await house.notify(account, { kind: "passkey_added", at, about: name, ...undoOf(house, account) });
  },
  async enrolModel(house, visit, account) {
    return (await mayDecline(house, visit, account)) ? { notNowUrl: visit.url("not-now") } : {};
  },
  /** The document says "closed", durably, before the verifier goes: whatever dies in between leaves a legal state. */
  async proved(house, _sitting, account, passkey) {
    const undo = undoFingerprint(house, account.id);
    const closed = await house.accounts.closePassword(account.id, { passkey: passkey.id, undo });
    await house.passwords?.forget(account.id);
    const about = { about: passkey.name, ...undoOf(house, closed) };
    await house.notify(closed, { kind: "password_closed", at: house.clock.now(), ...about });
    return "done";
  },
};
