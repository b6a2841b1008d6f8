/**
 * When an account is careful. Whoever knew the password that became a passkey, or had the code that recovered the
 * account, may have been a thief, and the owner must still be able to say so: until then the account keeps every way in
 * that it had before, and its address.
 */
import { refuse } from "../errors.ts";
import type { Account, Passkey } from "./account.ts";
import { isRepairing, isTentative } from "./tentative.ts";

export function isWatched(account: Account, now: { at: number }): boolean {
  return account.watch !== undefined && now.at < account.watch.until;
}

/**
 * @param about what came with the recovery itself may go at any time
 * @throws `account_watched`, `account_recovering`
 */
export function assertUnwatched(account: Account, now: { at: number }, about?: Passkey): void {
  if (isWatched(account, now)) throw refuse("account_watched");
  if (!isRepairing(account, now) || (about && isTentative(account, about))) return;
  throw refuse("account_recovering");
}
