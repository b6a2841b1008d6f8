/**
 * Brings back what is missing. Into an empty store that is everything in the file; in a living one whatever is there
 * stays as it is, because it is newer: a closed password stays closed, and what was removed and left a tombstone stays
 * removed. The file is read to its end before anything is written, and everything may be done twice.
 */
import { type Account, accountRecord } from "../account/account.ts";
import { type Claim, claim, claimsOf, usernameClaim } from "../account/directory.ts";
import { passwordState, readPasswordState, STATE, VERIFIER } from "../account/password-state.ts";
import { type Clock, day } from "../clock.ts";
import { refuse } from "../errors.ts";
import type { Item } from "../store/bulk.ts";
import { inPortions } from "../store/portions.ts";
import { newVersion } from "../store/record.ts";
import type { Key, Store } from "../store/store.ts";
import { type KeyShelf, keyOfVerifier, kindOf, type Line, stays } from "./backup.ts";
import { hasOwner, isBelonging } from "./parties.ts";
import { hasPasskey, restoredAccount } from "./restored.ts";

export interface RestoreCounts {
  accounts: number;
  /** Accounts that were there already. */
  kept: number;
  /** Accounts whose name or address somebody else has by now, by id. */
  refused: string[];
  /** Records that are no accounts and were missing, members of sets, events. */
  records: number;
  members: number;
  events: number;
  /** Passwords that came back, and those that did not although they were in the file. */
  passwords: { restored: number; dropped: number };
}

export interface RestoreOptions {
  store: Store;
  clock: Clock;
  /** The file, from its beginning, each time it is called. @throws `backup_refused` */
  read(): Iterable<{ lines: string[]; share: number }>;
  shelf(): Promise<KeyShelf>;
  /** Whether the secret of this installation opens a store with this record. @throws `secret_mismatch`, `store_refused` */
  checkMeta(meta: object): void;
  tell?(step: "checking" | "restoring", share: number): void;
}

const DAY = 24 * 60 * 60 * 1000;
const META: Key = "meta:store";
/** Says that an empty store is being filled, so that a restore that was killed may go on. */
const RUNNING: Key = "restore:running";
/** Accounts are several commits each. */
const AT_ONCE = 32;
/** Found anew from the accounts themselves. */
const HINTS = new Set(["username", "email", "credential", "handle"]);

export async function restore(options: RestoreOptions): Promise<RestoreCounts> {
  const { store } = options;
  const meta = check(options);
  await prepare(store, meta);
  const counts: RestoreCounts = {
    ...{ accounts: 0, kept: 0, refused: [], records: 0, members: 0, events: 0 },
    passwords: { restored: 0, dropped: 0 },
  };
  const hasPasswords = await restoreKeys(options);
  const deleted = await deletedSince(store, meta, options.clock.now());
  for (const { lines, share } of options.read()) {
    await inPortions(
      lines,
      (line) => apply(options, JSON.parse(line), counts, { hasPasswords, deleted }),
      AT_ONCE,
    );
    options.tell?.("restoring", share);
  }
  // What is of use only beside an account comes when it is known which are there: not those that were deleted since.
  for (const { lines } of options.read()) {
    await inPortions(lines, (line) => applyBelonging(store, JSON.parse(line), counts), AT_ONCE);
  }
  // What is said to be back is kept, on every server.
  await store.bulk.settle();
  await bring(store, META, meta.version, meta.json);
  await store.remove(RUNNING);
  return counts;
}

/** Reads everything and writes nothing. */
function check({ read, checkMeta, tell }: RestoreOptions): Item & { sort: "record" } {
  let meta: (Item & { sort: "record" }) | undefined;
  for (const { lines, share } of read()) {
    for (const text of lines) {
      const line = JSON.parse(text) as Line;
      if (line.sort !== "record") continue;
      if (line.key === META) meta = line;
      // Refuses data that is newer than this version.
      if (kindOf(line.key) === accountRecord.kind) accountRecord.decode(JSON.parse(line.json));
    }
    tell?.("checking", share);
  }
  if (!meta) throw refuse("backup_refused", { detail: "It holds no installation." });
  checkMeta(JSON.parse(meta.json));
  return meta;
}

/** @throws `backup_refused` for a store that is neither empty nor of the same installation */
async function prepare(store: Store, meta: { json: string }): Promise<void> {
  const { id } = JSON.parse(meta.json) as { id: string };
  const target = await store.read<{ id: string }>(META);
  const running = await store.read<{ id: string }>(RUNNING);
  if ((target ?? running)?.value.id === id) return;
  const foreign = target !== undefined || running !== undefined || !(await isEmpty(store));
  if (foreign)
    throw refuse("backup_refused", { detail: "The store holds something else. Restore into an empty one." });
  await store.write(RUNNING, { id });
}

async function isEmpty(store: Store): Promise<boolean> {
  for await (const items of store.bulk.dump()) if (items.length > 0) return false;
  return true;
}

/** Puts keys of verifiers back where none are; without keys in the file there are no passwords in it either. */
async function restoreKeys({ store, read, shelf }: RestoreOptions): Promise<boolean> {
  const keys: { id: string; wrapped: string }[] = [];
  for (const { lines } of read()) {
    for (const text of lines) {
      // Most lines are long, and none of them is a key.
      const line = text.startsWith('{"sort":"key"') ? (JSON.parse(text) as Line) : undefined;
      if (line?.sort === "key") keys.push(line);
    }
  }
  // A living store has keys of its own, and has destroyed what it has destroyed.
  if (keys.length === 0 || (await passwordState.read(store, STATE))) return keys.length > 0;
  const to = await shelf();
  for (const { id, wrapped } of keys) await to.put(id, wrapped);
  return true;
}

/** What is known before the first line is applied. */
interface Known {
  /** Whether the keys of the verifiers are there. */
  hasPasswords: boolean;
  /** Accounts that a living store has deleted, by id. */
  deleted: ReadonlySet<string>;
}

/** The document of a deleted account is gone, and the log is what remembers it. An empty store remembers nothing. */
async function deletedSince(store: Store, meta: { json: string }, now: number): Promise<Set<string>> {
  const deleted = new Set<string>();
  if ((await store.read(META)) === undefined) return deleted;
  const { created } = JSON.parse(meta.json) as { created: number };
  for (let at = created - DAY; at < now + DAY; at += DAY) {
    for await (const { event } of store.tail(`audit:${day(at)}`)) {
      if ((event.type as string) === "account.deleted" && event.account !== undefined)
        deleted.add(event.account);
    }
  }
  return deleted;
}

async function apply(
  { store, clock }: RestoreOptions,
  line: Line,
  counts: RestoreCounts,
  known: Known,
): Promise<void> {
  if (line.sort === "key" || !stays(line) || isBelonging(line)) return;
  if (line.sort === "member") await applyMember(store, line, counts);
  else if (line.sort === "event") counts.events += await store.bulk.load([line]);
  else if (line.sort === "record") await applyRecord(store, clock, line, counts, known);
}

async function applyMember(
  store: Store,
  line: Item & { sort: "member" },
  counts: RestoreCounts,
): Promise<void> {
  const [held] = await store.bulk.holds([line]);
  if (held) return;
  await store.join(line.key, line.member);
  counts.members++;
}

async function applyRecord(
  store: Store,
  clock: Clock,
  { key, version, json }: Item & { sort: "record" },
  counts: RestoreCounts,
  known: Known,
): Promise<void> {
  const kind = kindOf(key);
  if (key === META || kind === VERIFIER || HINTS.has(kind)) return;
  if (kind === accountRecord.kind) {
    const account = accountRecord.decode(JSON.parse(json));
    if (known.deleted.has(account.id)) return;
    return bringAccount(store, restoredAccount(account, { at: clock.now() }), counts);
  }
  const value = JSON.parse(json);
  // Without their keys there are none: the next import makes one.
  const fitting = key === passwordState.key(STATE) && !known.hasPasswords ? { ...value, keys: [] } : value;
  if (await bring(store, key, version, JSON.stringify(fitting))) counts.records++;
}

/** Puts a record where none is; true when it did. */
async function bring(store: Store, key: Key, version: string, json: string): Promise<boolean> {
  if (await store.read(key)) return false;
  return store.commit(key, JSON.parse(json), { expect: "absent", version, durable: key === META });
}

/** The document first, then its names, as with every account; also those of one that a killed restore has begun. */
async function bringAccount(store: Store, account: Account, counts: RestoreCounts): Promise<void> {
  const wanted = [usernameClaim(account.username), ...claimsOf(account)];
  const there = await accountRecord.read(store, account.id);
  if (there) counts.kept++;
  else if (await isTaken(store, account, wanted)) {
    counts.refused.push(account.id);
    return;
  } else {
    const how = { expect: "absent", version: newVersion() } as const;
    if (await store.commit(accountRecord.key(account.id), accountRecord.encode(account), how))
      counts.accounts++;
  }
  const holder = there?.value ?? account;
  for (const one of wanted) {
    if (one.namedBy(holder) && (await holderOf(store, one)) === undefined)
      await claim(store, one, account.id);
  }
}

async function isTaken(store: Store, { id }: Account, wanted: readonly Claim[]): Promise<boolean> {
  const holders = await Promise.all(wanted.map((one) => holderOf(store, one)));
  return holders.some((holder) => holder !== undefined && holder !== id);
}

/** The account that a name leads to, if that account names it back. */
async function holderOf(store: Store, { record, name, namedBy }: Claim): Promise<string | undefined> {
  const hint = await record.read(store, name);
  const holder = hint && (await accountRecord.read(store, hint.value.account));
  return holder && namedBy(holder.value) ? holder.value.id : undefined;
}

async function applyBelonging(store: Store, line: Line, counts: RestoreCounts): Promise<void> {
  if (line.sort === "record" && kindOf(line.key) === VERIFIER) return applyVerifier(store, line, counts);
  if (line.sort === "key" || !isBelonging(line) || !stays(line) || !(await hasOwner(store, line))) return;
  if (line.sort === "member") await applyMember(store, line, counts);
  else if (line.sort === "record" && (await bring(store, line.key, line.version, line.json)))
    counts.records++;
}

async function applyVerifier(
  store: Store,
  line: Item & { sort: "record" },
  counts: RestoreCounts,
): Promise<void> {
  const id = line.key.slice(VERIFIER.length + 1);
  const holder = (await accountRecord.read(store, id))?.value;
  const { seal, keys } = await readPasswordState(store);
  const readable = seal === "open" && keys.includes(keyOfVerifier(JSON.parse(line.json)));
  const wanted = holder?.password?.state === "open" && !hasPasskey(holder);
  if (!wanted || !readable) counts.passwords.dropped++;
  else if (await bring(store, line.key, line.version, line.json)) counts.passwords.restored++;
}
