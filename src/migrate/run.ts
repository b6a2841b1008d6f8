/**
 * Brings every record of the kinds concerned to its newest schema, so that the steps that read old ones can go one day.
 * Nothing waits for it: records are read through the same steps all the while.
 *
 * A record is committed against the version that was read, so whoever signs in meanwhile wins, and the record is looked
 * at again in the next pass. A migration is done after a whole pass that found nothing: that makes harmless what a walk
 * may do twice, and what a failover or a kill may undo.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { type Migration, migrations, readerOf, upcastsOf } from "../../migrations/index.ts";
import type { Clock } from "../clock.ts";
import { isRefusal, refuse } from "../errors.ts";
import { takeLease } from "../store/lease.ts";
import { newVersion, recordKind } from "../store/record.ts";
import type { Entry as Found, Millis, Store, Version } from "../store/store.ts";
import { type Entry, LEDGER, type Ledger, ledgerRecord, pendingIn } from "./ledger.ts";

export interface MigrateOptions {
  store: Store;
  clock: Clock;
  /** Records a second, at most. */
  rate?: number | undefined;
  /** Is told after every batch. */
  tell?: ((id: string, entry: Entry) => void) | undefined;
  /** True when the run is to stop after the batch; a later run goes on from there. */
  isStopped?: () => boolean;
  /** How long a store may be away in the midst of it: a failover is no reason to begin again by hand. */
  patience?: Millis;
}

const LOCK_TTL: Millis = 30_000;
const PATIENCE: Millis = 25_000;
const AGAIN: Millis = 250;
const HELD = "Another process migrates this store. It goes on by itself; see `latchkey migrate status`.";

/**
 * Runs what is pending, or what a killed run has begun.
 *
 * @returns what was done, by id
 * @throws `store_conflict` while another process does the same
 */
export async function migrateUp(options: MigrateOptions): Promise<Record<string, Entry>> {
  const lease = await takeLease(options.store, "migrate", LOCK_TTL, HELD);
  const { patience = PATIENCE, isStopped = () => false } = options;
  let answered = performance.now();
  const tell = (id: string, entry: Entry) => {
    answered = performance.now();
    options.tell?.(id, entry);
  };
  try {
    for (;;) {
      try {
        return await runPending({ ...options, tell }, () => lease.renew());
      } catch (error) {
        const away = performance.now() - answered;
        if (!isRefusal(error, "store_unavailable") || away >= patience || isStopped()) throw error;
        await pause(AGAIN);
      }
    }
  } finally {
    await lease.release();
  }
}

/** From where the ledger stands: what it says is read anew, because nobody knows what became of the last entry. */
async function runPending(
  options: MigrateOptions,
  renew: () => Promise<void>,
): Promise<Record<string, Entry>> {
  await renew();
  const book = await openLedger(options.store);
  for (const migration of pendingIn(book.ledger())) {
    if (options.isStopped?.()) break;
    await carryOut(options, migration, book, renew);
  }
  return book.ledger().entries;
}

/** The ledger in the hands of one run: every entry is committed against the one before. */
interface Book {
  ledger(): Ledger;
  /** @throws `store_conflict` when another run has taken over */
  enter(id: string, entry: Entry): Promise<void>;
}

async function openLedger(store: Store): Promise<Book> {
  const found = await ledgerRecord.read(store, LEDGER);
  let ledger: Ledger = found?.value ?? { entries: {} };
  let expect: Version | "absent" = found?.version ?? "absent";
  return {
    ledger: () => ledger,
    async enter(id, entry) {
      const next = { entries: { ...ledger.entries, [id]: entry } };
      const version = newVersion();
      const how = { expect, version, durable: entry.state === "done" };
      if (!(await store.commit(ledgerRecord.key(LEDGER), ledgerRecord.encode(next), how)))
        throw refuse("store_conflict", { detail: HELD });
      ledger = next;
      expect = version;
    },
  };
}

async function carryOut(
  options: MigrateOptions,
  migration: Migration,
  book: Book,
  renew: () => Promise<void>,
): Promise<void> {
  const { store, clock, tell, isStopped = () => false } = options;
  const { id, kind } = migration;
  const pace = paceOf(options.rate);
  let entry: Entry = { ...begun(migration, book.ledger().entries[id], clock.now()), by: randomUUID() };
  while (entry.state === "running") {
    for await (const { entries, next } of store.scan(kind, entry.cursor)) {
      const outcome = await upgrade(store, migration, entries);
      entry = {
        ...entry,
        cursor: next,
        seen: entry.seen + entries.length,
        left: entry.left + outcome.found,
        changed: entry.changed + outcome.changed,
      };
      await renew();
      await book.enter(id, entry);
      tell?.(id, entry);
      if (isStopped()) return;
      await pace(entries.length);
    }
    entry = ended(entry, clock.now());
    await book.enter(id, entry);
  }
  tell?.(id, entry);
}

function begun({ kind, schema, reader }: Migration, before: Entry | undefined, now: number): Entry {
  if (before) return before;
  const none = { by: "", pass: 1, seen: 0, left: 0, changed: 0 };
  return { kind, schema, reader, state: "running", ...none, started: now };
}

/** The end of a pass: done, or once more from the beginning. */
function ended({ cursor: _, ...entry }: Entry, now: number): Entry {
  if (entry.left === 0) return { ...entry, state: "done", finished: now };
  return { ...entry, pass: entry.pass + 1, seen: 0, left: 0 };
}

/** Whether a record is older than the result of a migration, and is to be brought there. */
export function isOld({ schema, leaves }: Migration, { value }: Found): boolean {
  const record = value as Record<string, unknown> & { schema?: number };
  return (record.schema ?? 1) < schema && !leaves?.(record);
}

async function upgrade(
  store: Store,
  migration: Migration,
  entries: Found[],
): Promise<{ found: number; changed: number }> {
  const kind = recordKind<object>(migration.kind, upcastsOf(migration.kind), readerOf(migration.kind));
  const old = entries.filter((entry) => isOld(migration, entry));
  const committed = await Promise.all(
    old.map(({ key, value, version }) => {
      const upgraded = kind.encode(kind.decode(value as object));
      return store.commit(key, upgraded, { expect: version, version: newVersion() });
    }),
  );
  return { found: old.length, changed: committed.filter(Boolean).length };
}

/** Waits as long as it takes for the work to stay below the rate. */
function paceOf(rate: number | undefined): (count: number) => Promise<void> {
  let due = performance.now();
  return async (count) => {
    if (rate === undefined) return;
    due = Math.max(due, performance.now() - 1000) + (count / rate) * 1000;
    const wait = due - performance.now();
    if (wait > 0) await pause(wait);
  };
}

/** How many records each migration would still change; reads everything and writes nothing. */
export async function countOld(
  store: Store,
  tell?: (id: string, seen: number) => void,
): Promise<Record<string, { seen: number; old: number }>> {
  const counts: Record<string, { seen: number; old: number }> = {};
  for (const migration of migrations) {
    const count = { seen: 0, old: 0 };
    for await (const { entries } of store.scan(migration.kind)) {
      count.seen += entries.length;
      count.old += entries.filter((entry) => isOld(migration, entry)).length;
      tell?.(migration.id, count.seen);
    }
    counts[migration.id] = count;
  }
  return counts;
}
