/**
 * Every reference between records: names lead to their accounts, and whatever belongs to an account has one. A crash may
 * leave hints that lead nowhere and events that wait; a name that leads nowhere is worse, and nothing but a lost write
 * explains it.
 */
import { type Account, accountRecord } from "../account/account.ts";
import { type Claim, claim, claimsOf, release, usernameClaim } from "../account/directory.ts";
import { claimOfHint, entries, HINTS } from "../account/leftovers.ts";
import { log } from "../account/revise.ts";
import { day } from "../clock.ts";
import { isRefusal } from "../errors.ts";
import type { Entry, Key, Store } from "../store/store.ts";
import type { Finding, Findings, Shelf } from "./finding.ts";
import { consents, mails, owned, sets } from "./verify-belongings.ts";
import { keys, verifiers } from "./verify-passwords.ts";

export interface VerifyOptions {
  store: Store;
  fix: boolean;
  /** Where the keys of the verifiers lie. */
  shelf: Shelf;
  tell?(seen: number): void;
}

export interface Problem {
  key: string;
  problem: string;
  fixed: boolean;
}

export interface VerifyReport {
  seen: number;
  found: number;
  fixed: number;
  /** The first of them. */
  problems: Problem[];
}

/** How many problems are listed; all are counted. */
const LISTED = 1000;

/** Looks, repairs what it is told to, and looks again: what it calls repaired is gone. */
export async function verifyStore(options: VerifyOptions): Promise<VerifyReport> {
  const before = await look(options);
  const report = { seen: before.seen, found: before.found, fixed: 0 };
  const listed = before.listed.map(({ key, problem }) => ({ key, problem, fixed: false }));
  if (!options.fix || before.found === 0) return { ...report, problems: listed };
  const after = await look({ ...options, fix: false });
  const left = new Set(after.listed.map(({ key, problem }) => `${key} ${problem}`));
  const problems = listed.map((one) => ({ ...one, fixed: !left.has(`${one.key} ${one.problem}`) }));
  return { ...report, fixed: Math.max(0, before.found - after.found), problems };
}

const WALKS = [accounts, hints, owned, consents, sets, mails, verifiers, keys];

async function look({ store, fix, shelf, tell }: VerifyOptions) {
  let [seen, found] = [0, 0];
  const listed: Finding[] = [];
  for (const examine of WALKS) {
    for await (const findings of examine(store, shelf)) {
      if (++seen % 500 === 0) tell?.(seen);
      for (const finding of findings) {
        found++;
        if (fix) await finding.repair?.();
        if (listed.length < LISTED) listed.push(finding);
      }
    }
  }
  return { seen, found, listed };
}

async function* accounts(store: Store): Findings {
  for await (const entry of entries(store, accountRecord.kind)) {
    const account = readable(entry);
    if (!account) yield [{ key: entry.key, problem: "cannot be read by this version" }];
    // A creation that is under way, or died and expires.
    else if (account.state === "pending") yield [];
    else yield await aboutAccount(store, entry.key, account);
  }
}

function readable({ value }: Entry): Account | undefined {
  try {
    return accountRecord.decode(value as object);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return undefined;
  }
}

async function aboutAccount(store: Store, key: Key, account: Account): Promise<Finding[]> {
  const settled = { ...account, passkeys: account.passkeys.filter(({ state }) => state !== "pending") };
  const wanted = [usernameClaim(account.username), ...claimsOf(settled)];
  const missing = await Promise.all(wanted.map((one) => aboutClaim(store, key, account, one)));
  return [...missing.flat(), ...(await aboutOutbox(store, key, account))];
}

/** Events ride in the document until its next change; usually the log has them long since. */
async function aboutOutbox(store: Store, key: Key, { outbox }: Account): Promise<Finding[]> {
  const logged = await store.bulk.holds(
    outbox.map((event) => ({
      sort: "event",
      key: `audit:${day(event.at)}`,
      json: JSON.stringify(event),
      place: "",
    })),
  );
  const waiting = outbox.filter((_, i) => !logged[i]);
  const problem = `events that the log does not have: ${waiting.length}`;
  const repair = () => Promise.all(waiting.map((event) => log(store, event)));
  return waiting.length > 0 ? [{ key, problem, repair }] : [];
}

async function aboutClaim(store: Store, key: Key, { id }: Account, wanted: Claim): Promise<Finding[]> {
  const { record, name, namedBy } = wanted;
  const hint = await record.read(store, name);
  if (hint?.value.account === id) return [];
  const holder = hint && (await accountRecord.read(store, hint.value.account));
  if (holder && namedBy(holder.value))
    return [{ key, problem: `its ${record.kind} belongs to ${holder.value.id}, too` }];
  return [{ key, problem: `no ${record.kind} entry leads to it`, repair: () => claim(store, wanted, id) }];
}

async function* hints(store: Store): Findings {
  for (const { kind } of HINTS) {
    for await (const entry of entries(store, kind)) {
      const held = claimOfHint(entry.key);
      const { record, name, namedBy } = held;
      const { account } = record.decode(entry.value as object);
      const holder = await accountRecord.read(store, account);
      const repair = () => release(store, held, entry.version);
      const dead = { key: `${kind}:${name}` as Key, problem: "leads to no account", repair };
      yield holder && namedBy(holder.value) ? [] : [dead];
    }
  }
}
