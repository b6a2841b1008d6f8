/** What a backup brings back of an account: nothing that could be used a second time. */
import type { Account } from "../account/account.ts";
import { endSessions } from "../account/sessions.ts";

/** Secrets that work once, and links that undo something: members that this version may not even know. */
const VOID: readonly string[] = ["passes", "recoveryCodes", "emailChange", "formerEmails"];

/**
 * The account as it comes back. What was used or ended since the backup is unknown, so every secret that works once is
 * void, and everything that was open is over. A password is not brought back to an account that has a passkey: it may
 * have been closed since.
 */
export function restoredAccount(account: Account, now: { at: number }): Account {
  const members = Object.entries(account).filter(([name]) => !VOID.includes(name));
  const kept = Object.fromEntries(members) as unknown as Account;
  const ended = endSessions(kept, now);
  return hasPasskey(ended) && ended.password?.state === "open"
    ? { ...ended, password: { ...ended.password, state: "closed", since: now.at } }
    : ended;
}

export function hasPasskey({ passkeys }: Account): boolean {
  return passkeys.some(({ state }) => state === "active");
}
