/**
 * The end of everything that an account has open, in one write: what began before is over, wherever it is kept and
 * whichever instance is asked. Removing what is over only tidies, and tells the apps.
 */
import type { Account } from "./account.ts";
import { type Moment, note } from "./transitions.ts";

export function endSessions(account: Account, now: { at: number }): Account {
  // Never back: on a host whose clock is behind, what another host has ended would begin to live again.
  return { ...account, endedBefore: Math.max(account.endedBefore ?? 0, now.at) };
}

/** The same including this very second, for whoever is not to be signed in at all. */
export function endSessionsFully(account: Account, now: { at: number }): Account {
  return endSessions(account, { at: now.at + 1000 });
}

/** The same at the owner's wish, when it is told of by itself. */
export function endAllSessions(account: Account, now: Moment): Account {
  return note(endSessions(account, now), "sessions.ended", now);
}

/**
 * Whether a session, code or token that began then is over.
 *
 * @param began seconds since the epoch, as tokens have it; of the very second in which all ended, the later part goes
 * on: in it the owner may be signing in again
 */
export function isOver({ endedBefore }: Account, began: number | undefined): boolean {
  return endedBefore !== undefined && began !== undefined && (began + 1) * 1000 <= endedBefore;
}
