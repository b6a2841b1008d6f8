/**
 * Who is writing verifiers just now. Whoever changes the key or the seal writes that down first and then waits for the
 * batches that had begun by then; a batch that begins later reads what was written.
 */
import { newVersion } from "../store/record.ts";
import type { Key, Millis, Store } from "../store/store.ts";

const WRITERS: Key = "passwordwriters:all";
/** A batch takes a second. One that was put to sleep is not waited for: the key that it knows is going to be destroyed. */
const BATCH: Millis = 20_000;
const ASK_AGAIN: Millis = 50;

/** Announces a batch; the answer ends it. */
export async function beginWriting(store: Store): Promise<() => Promise<void>> {
  const batch = newVersion();
  await store.join(WRITERS, batch, BATCH);
  return () => store.leave(WRITERS, batch);
}

/** Resolves when no batch is running any more that had begun before the call. */
export async function writersBefore(store: Store): Promise<void> {
  const running = new Set(await store.members(WRITERS));
  while (running.size > 0) {
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN));
    const left = new Set(await store.members(WRITERS));
    for (const batch of running) if (!left.has(batch)) running.delete(batch);
  }
}
