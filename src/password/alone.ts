/** One process at a time changes keys; one that was killed is in nobody's way for long. */
import { refuse } from "../errors.ts";
import { newVersion } from "../store/record.ts";
import type { Key, Millis, Store } from "../store/store.ts";

const LOCK: Key = "lock:passwords";
const HELD: Millis = 30_000;

/** @throws `store_conflict` while another purge or seal runs, and half a minute after one was killed */
export async function alone<T>({ store }: { store: Store }, work: () => Promise<T>): Promise<T> {
  let version = newVersion();
  if (!(await store.commit(LOCK, {}, { expect: "absent", version, ttl: HELD }))) {
    throw refuse("store_conflict", {
      detail: "Another purge or seal is running, or was killed a moment ago.",
    });
  }
  const hold = async (ttl: Millis) => {
    const next = newVersion();
    if (await store.commit(LOCK, {}, { expect: version, version: next, ttl })) version = next;
  };
  const holding = setInterval(() => void hold(HELD).catch(() => {}), HELD / 3);
  try {
    return await work();
  } finally {
    clearInterval(holding);
    await hold(1);
    // A record is taken away conditionally by letting it expire; whoever is next should not meet it.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
