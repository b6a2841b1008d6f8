/**
 * Temporary access passes: an administrator's way to let somebody back in, or to prove a conversion. One lives at a
 * time; it works once, until it expires, for this account alone, and it is gone with the first new passkey.
 */
import { refuse } from "../errors.ts";
import type { Account, Pass } from "./account.ts";
import { type Moment, note } from "./transitions.ts";

/**
 * Puts a new pass in the place of any other.
 *
 * @throws `account_limited` for an account that is not active, and for who would let himself in
 */
export function issuePass(account: Account, pass: Omit<Pass, "issued">, now: Moment): Account {
  if (account.state !== "active" || pass.by === account.id) throw refuse("account_limited");
  const { by } = pass;
  return note({ ...account, passes: [{ ...pass, issued: now.at }] }, "pass.issued", now, { detail: { by } });
}

/** Uses a pass up. @throws `authentication_failed`, whatever is wrong with it */
export function usePass(account: Account, fingerprint: string | undefined, now: Moment): Account {
  if (account.state !== "active" || !livePass(account, fingerprint, now))
    throw refuse("authentication_failed");
  return note(withoutPasses(account), "pass.used", now);
}

/** Takes back what was issued; nothing to do where nothing is. */
export function revokePasses(account: Account, now: Moment): Account | undefined {
  if (!account.passes?.length) return undefined;
  return note(withoutPasses(account), "pass.revoked", now);
}

/** The pass that would work now. */
export function livePass(
  account: Account,
  fingerprint: string | undefined,
  now: { at: number },
): Pass | undefined {
  if (fingerprint === undefined) return undefined;
  return account.passes?.find((pass) => pass.fingerprint === fingerprint && now.at < pass.expires);
}

/** The account without any pass: used, taken back, or not needed any more. */
export function withoutPasses({ passes: _, ...account }: Account): Account {
  return account;
}
