/**
 * The day after a password became a passkey. Whoever knew the password may have been a thief, and the owner must still
 * be able to say so: until then the account keeps every way in that it has, and its address.
 */
import { refuse } from "../errors.ts";
import type { Account } from "./account.ts";

export function isWatched(account: Account, now: { at: number }): boolean {
  return account.watch !== undefined && now.at < account.watch.until;
}

/** @throws `account_watched` */
export function assertUnwatched(account: Account, now: { at: number }): void {
  if (isWatched(account, now)) throw refuse("account_watched");
}
