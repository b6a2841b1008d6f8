/** Recovery codes: a set of ten, made together and replaced together, each good once. */
import { refuse } from "../errors.ts";
import type { Account } from "./account.ts";
import { type Moment, note } from "./transitions.ts";

/** How many codes a set has. */
export const CODES_IN_A_SET = 10;

/** Puts a new set in the place of the old one, of which nothing works any more. @throws `account_limited` */
export function setRecoveryCodes(account: Account, fingerprints: readonly string[], now: Moment): Account {
  if (account.state !== "active") throw refuse("account_limited");
  const recoveryCodes = { created: now.at, left: [...fingerprints] };
  return note({ ...account, recoveryCodes }, "recovery_codes.made", now);
}

/** Uses one code up. @throws `authentication_failed`, whatever is wrong with it */
export function useRecoveryCode(account: Account, fingerprint: string | undefined, now: Moment): Account {
  const { state, recoveryCodes } = account;
  if (state !== "active" || !recoveryCodes || fingerprint === undefined)
    throw refuse("authentication_failed");
  const left = recoveryCodes.left.filter((code) => code !== fingerprint);
  if (left.length === recoveryCodes.left.length) throw refuse("authentication_failed");
  const used = { ...account, recoveryCodes: { ...recoveryCodes, left } };
  return note(used, "recovery_code.used", now, { detail: { left: left.length } });
}
