/** How far a host is on its way out of passwords. */
import type { Accounts } from "../account/accounts.ts";
import { isDropOwed } from "../account/password-way.ts";
import type { HostAccounts } from "./options.ts";

interface Counts {
  /** Accounts of the host that have a document here: somebody signed in to them or made a passkey. */
  accounts: number;
  /** Of those, accounts that sign in with a passkey. */
  withPasskey: number;
  /** Passwords that sign in no more, ever. */
  closed: number;
  /** Of those, the ones that the host has not confirmed to have erased. */
  waiting: number;
}

/** What is left in the host's table, if the host can count; `unknown` where it cannot. */
export type PasskeysStatus = Counts &
  ({ passwords: number; unknown?: never } | { unknown: true; passwords?: never });

/** Walks over all documents: for operators. */
export async function statusOf(accounts: Accounts, host: HostAccounts): Promise<PasskeysStatus> {
  const counts: Counts = { accounts: 0, withPasskey: 0, closed: 0, waiting: 0 };
  for await (const account of accounts.list()) {
    counts.accounts++;
    if (account.passkeys.some(({ state }) => state === "active")) counts.withPasskey++;
    if (account.password?.state === "closed") counts.closed++;
    if (isDropOwed(account)) counts.waiting++;
  }
  const passwords = await host.countPasswords?.();
  return passwords === undefined ? { ...counts, unknown: true } : { ...counts, passwords };
}
