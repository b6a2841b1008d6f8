/**
 * The end of everything that an account has open, in one write: what began before is over, wherever it is kept and
 * whichever instance is asked. Removing what is over only tidies, and tells the apps.
 */
import type { Account } from "./account.ts";

export function endSessions(account: Account, now: { at: number }): Account {
  return { ...account, endedBefore: now.at };
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
