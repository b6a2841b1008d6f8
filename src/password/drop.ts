/** Lets go of passwords at the operator's word: the document first, then the verifier. */
import type { Account } from "../account/account.ts";
import type { Accounts } from "../account/accounts.ts";
import { lastSeen, standingOf } from "../account/password-status.ts";
import type { Safe } from "./keys.ts";
import { removeVerifier } from "./verifiers.ts";

export interface DropFilter {
  /** Everybody, when it is absent. */
  group?: string;
  /** Only accounts that nobody used on this day or later. */
  inactiveSince?: string;
}

export interface Dropped {
  dropped: number;
  /** Of those, accounts that are left with recovery or a pass alone. */
  without_passkey: number;
}

export function isMeant(account: Account, { group, inactiveSince }: DropFilter): boolean {
  if (account.password?.state !== "open") return false;
  if (group !== undefined && !account.groups.includes(group)) return false;
  return inactiveSince === undefined || lastSeen(account) < inactiveSince;
}

/** How many it would be. */
export async function countDrops(accounts: Accounts, filter: DropFilter): Promise<Dropped> {
  const counts: Dropped = { dropped: 0, without_passkey: 0 };
  for await (const account of accounts.list()) if (isMeant(account, filter)) add(counts, account);
  return counts;
}

/** Goes through all of them; may be repeated after a kill. */
export async function drop(
  { store }: Safe,
  accounts: Accounts,
  filter: DropFilter,
  /** Of each, when it is done. */
  tell: (account: Account, done: number) => Promise<void> | void = () => {},
): Promise<Dropped> {
  const counts: Dropped = { dropped: 0, without_passkey: 0 };
  for await (const account of accounts.list()) {
    if (!isMeant(account, filter)) continue;
    const dropped = await accounts.dropPassword(account.id);
    await removeVerifier(store, account.id);
    add(counts, account);
    await tell(dropped, counts.dropped);
  }
  return counts;
}

function add(counts: Dropped, account: Account): void {
  counts.dropped++;
  if (standingOf(account) === "password_only") counts.without_passkey++;
}
