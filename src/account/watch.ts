/**
 * When an account is careful. Whoever knew the password that became a passkey, or had the code that recovered the
 * account, may have been a thief, and the owner must still be able to say so: until then the account keeps every way in
 * that it had before, and its address. For two weeks, a link that the notices of a conversion carry undoes what happened
 * since (`undo-conversion.ts`).
 */
import { refuse } from "../errors.ts";
import type { Account, Passkey, Watch } from "./account.ts";
import { isRepairing, isTentative } from "./tentative.ts";

/** How long an account is careful; milliseconds. */
export const WATCH = 24 * 60 * 60 * 1000;

/** How long "It wasn't me" works; milliseconds. */
export const UNDO = 14 * 24 * 60 * 60 * 1000;

/**
 * Begins the watch, or begins it anew for a further passkey.
 *
 * @param passkeys credential ids of what was made with the password
 * @param link fingerprint of the link that undoes it; earlier ones go on working
 */
export function watch(
  account: Account,
  passkeys: readonly string[],
  now: { at: number },
  link?: string,
): Account {
  const before = account.watch;
  const watched: Watch = {
    until: now.at + WATCH,
    passkeys: [...new Set([...(before?.passkeys ?? []), ...passkeys])],
  };
  const undo = link === undefined ? before?.undo : undoOf(account, watched, now, link);
  return { ...account, watch: undo === undefined ? watched : { ...watched, undo } };
}

function undoOf(account: Account, { passkeys }: Watch, now: { at: number }, link: string): Watch["undo"] {
  const before = account.watch?.undo;
  const made = account.passkeys.filter(({ id }) => passkeys.includes(id)).map(({ created }) => created);
  return {
    links: [...new Set([...(before?.links ?? []), link])],
    since: Math.min(before?.since ?? now.at, ...made),
    until: now.at + UNDO,
  };
}

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
