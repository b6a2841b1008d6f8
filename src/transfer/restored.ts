/** What a backup brings back of an account: nothing that could be used a second time. */
import type { Account } from "../account/account.ts";
import { endSessions } from "../account/sessions.ts";

/**
 * The account as it comes back. What was used or ended since the backup is unknown, so every secret that works once is
 * void, and everything that was open is over. A password is not brought back to an account that has a passkey: it may
 * have been closed since.
 */
export function restoredAccount(account: Account, now: { at: number }): Account {
  // By name, because a file may come from a version that knows more.
  const {
    passes: _,
    recoveryCodes: __,
    emailChange: ___,
    ...kept
  } = account as Account & { emailChange?: unknown };
  const ended = endSessions(kept, now);
  return hasPasskey(ended) && ended.password?.state === "open"
    ? { ...ended, password: { ...ended.password, state: "closed", since: now.at } }
    : ended;
}

export function hasPasskey({ passkeys }: Account): boolean {
  return passkeys.some(({ state }) => state === "active");
}
