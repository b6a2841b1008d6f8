/** What a start does about data of an older schema: an embedded store tidies itself, a shared one says what to run. */
import type { Clock } from "../clock.ts";
import { isRefusal } from "../errors.ts";
import type { Logger } from "../log.ts";
import { pendingIn, readLedger } from "../migrate/ledger.ts";
import { migrateUp } from "../migrate/run.ts";
import type { Store } from "../store/store.ts";

/** Starts in the background, where it is ours to start; `stop` ends it after the records it has in hand. */
export function startMigrations(of: { store: Store; clock: Clock; log: Logger }): { stop(): Promise<void> } {
  let stopped = false;
  const running = migrate(of, () => stopped).catch((err: unknown) =>
    of.log.warn({ err }, "the data could not be migrated; the next start tries again"),
  );
  return {
    stop() {
      stopped = true;
      return running;
    },
  };
}

async function migrate(
  { store, clock, log }: { store: Store; clock: Clock; log: Logger },
  isStopped: () => boolean,
): Promise<void> {
  const pending = pendingIn(await readLedger(store)).map(({ id }) => id);
  if (pending.length === 0) return;
  // Several servers of different ages may share it, and the operator chooses the hour.
  if (store.driver !== "lmdb") {
    const text = pending.length === 1 ? "a migration is" : `${pending.length} migrations are`;
    return log.warn({ pending }, `${text} pending: run \`latchkey migrate up\` when every server is new`);
  }
  try {
    const entries = await migrateUp({ store, clock, isStopped });
    const changed = pending.reduce((sum, id) => sum + (entries[id]?.changed ?? 0), 0);
    if (!isStopped()) log.info({ migrations: pending, changed }, "the data was migrated");
  } catch (error) {
    // Another process of this machine does it.
    if (!isRefusal(error, "store_conflict")) throw error;
  }
}
