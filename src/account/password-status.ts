/**
 * How far the way to zero is: accounts by the ways in they have, and who is stuck. Told by the documents alone, so that
 * it can be asked after the room of passwords is gone.
 */
import { day } from "../clock.ts";
import type { Account } from "./account.ts";
import { underSeal } from "./password-way.ts";

export type Standing = "password_only" | "password_and_passkey" | "passkey_only" | "neither";

/** Why a password is still there: most telling first. */
export type Stuck = "disabled" | "unreachable" | "declined" | "unproved" | "waiting";

/** Numbers of accounts. Names are the contract's. */
export type Counts = Record<Standing | "total" | "passes", number>;

export interface PasswordStatus extends Counts {
  sealed: boolean;
  groups: Record<string, Record<Standing, number>>;
  /** By day: passwords that came, and those that were left behind. */
  trend: { day: string; imported: number; closed: number }[];
  stuck: Record<Stuck, number>;
}

export function standingOf({ password, passkeys }: Account): Standing {
  const passkey = passkeys.some(({ state }) => state === "active");
  if (password?.state === "open") return passkey ? "password_and_passkey" : "password_only";
  return passkey ? "passkey_only" : "neither";
}

/** What keeps an account with an open password from leaving it; nothing for all others. */
export function stuckOf(account: Account): Stuck | undefined {
  const standing = standingOf(account);
  if (account.password?.state !== "open") return undefined;
  if (account.state === "disabled") return "disabled";
  if (standing === "password_and_passkey") return "unproved";
  if ((account.password.declined ?? 0) > 0) return "declined";
  return account.emailVerified ? "waiting" : "unreachable";
}

const none = (): Record<Standing, number> => ({
  password_only: 0,
  password_and_passkey: 0,
  passkey_only: 0,
  neither: 0,
});

/** Counts a stream of accounts, holding none of them. `each` is told of every one, as it counts. */
export async function passwordStatus(
  accounts: AsyncIterable<Account>,
  { sealed, now }: { sealed: boolean; now: number },
  each: (account: Account) => void = () => {},
): Promise<PasswordStatus> {
  const counts = { ...none(), total: 0, passes: 0 };
  const groups = new Map<string, Record<Standing, number>>();
  const trend = new Map<string, { imported: number; closed: number }>();
  const stuck = { disabled: 0, unreachable: 0, declined: 0, unproved: 0, waiting: 0 };
  for await (const found of accounts) {
    const account = sealed ? underSeal(found) : found;
    const standing = standingOf(account);
    counts[standing]++;
    counts.total++;
    counts.passes += account.passes?.filter(({ expires }) => expires > now).length ?? 0;
    for (const group of account.groups) countIn(groups, group, none)[standing]++;
    noteDays(trend, account);
    const why = stuckOf(account);
    if (why) stuck[why]++;
    each(account);
  }
  return { ...counts, sealed, groups: Object.fromEntries([...groups].sort()), trend: daysOf(trend), stuck };
}

function noteDays(
  trend: Map<string, { imported: number; closed: number }>,
  { password, created }: Account,
): void {
  if (!password) return;
  const nothing = () => ({ imported: 0, closed: 0 });
  countIn(trend, day(password.state === "open" ? password.since : created), nothing).imported++;
  if (password.state === "closed") countIn(trend, day(password.since), nothing).closed++;
}

function daysOf(trend: Map<string, { imported: number; closed: number }>): PasswordStatus["trend"] {
  return [...trend].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => ({ day: name, ...count }));
}

function countIn<T>(counts: Map<string, T>, name: string, begin: () => T): T {
  const count = counts.get(name) ?? begin();
  counts.set(name, count);
  return count;
}

/** The last day on which somebody came in here, as far as it is known: else, since when the account is here. */
export function lastSeen({ password, passkeys, created }: Account): string {
  const days = [password?.lastUsed, ...passkeys.map(({ lastUsed }) => lastUsed)].filter(
    (one) => one !== undefined,
  );
  return days.sort().at(-1) ?? day(created);
}
