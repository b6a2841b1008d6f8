/** The ledger of migrations: one record that says which are done, and how far a run has come. */
import { type Migration, migrations } from "../../migrations/index.ts";
import { refuse } from "../errors.ts";
import { change } from "../store/change.ts";
import { recordKind } from "../store/record.ts";
import type { Cursor, Store } from "../store/store.ts";

export { migrations } from "../../migrations/index.ts";

/** One migration in this store. Times are milliseconds since the epoch. */
export interface Entry {
  kind: string;
  schema: number;
  reader: number;
  state: "running" | "done";
  /** Who runs it: a new name with every run, so that one that has slept cannot go on. */
  by: string;
  /** A run ends with a whole pass that finds nothing to do. */
  pass: number;
  /** Where this pass goes on. */
  cursor?: Cursor;
  /** Records looked at, and those found with something to do, in this pass. */
  seen: number;
  left: number;
  /** Records changed in all passes. */
  changed: number;
  started: number;
  finished?: number;
}

export interface Ledger {
  entries: Record<string, Entry>;
}

export const ledgerRecord = recordKind<Ledger>("migrations");
export const LEDGER = "ledger";

export async function readLedger(store: Store): Promise<Ledger> {
  return (await ledgerRecord.read(store, LEDGER))?.value ?? { entries: {} };
}

/** What is not done yet in a store with this ledger, in order. */
export function pendingIn({ entries }: Ledger, all: readonly Migration[] = migrations): Migration[] {
  return all.filter(({ id }) => entries[id]?.state !== "done");
}

/** A store that is only just being made has nothing to migrate. */
export async function startLedger(store: Store, now: number): Promise<void> {
  const decide = (found: Ledger | undefined) => ({
    value: found
      ? undefined
      : { entries: Object.fromEntries(migrations.map((one) => [one.id, done(one, now)])) },
    result: undefined,
  });
  await change(store, ledgerRecord, LEDGER, decide, { durable: true });
}

/**
 * Data that a newer version has migrated is not touched, unless that version says that ours may go on beside it.
 *
 * @throws `store_refused`
 */
export function requireKnown({ entries }: Ledger, all: readonly Migration[] = migrations): void {
  for (const [id, { kind, reader }] of Object.entries(entries)) {
    const known = 1 + all.filter((one) => one.kind === kind).length;
    if (reader <= known || all.some((one) => one.id === id)) continue;
    const detail = `The data was migrated by a newer version (${id}). Run that version.`;
    throw refuse("store_refused", { detail });
  }
}

function done({ kind, schema, reader }: Migration, now: number): Entry {
  const none = { pass: 0, seen: 0, left: 0, changed: 0 };
  return { kind, schema, reader, state: "done", by: "setup", ...none, started: now, finished: now };
}
