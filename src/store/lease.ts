/**
 * One holder at a time, across processes: a record that expires unless its holder renews it. Whoever finds at a renewal
 * that somebody else holds it has slept too long and must stop; so work under a lease is done in steps, each of which
 * is sound on its own, with a renewal between them.
 */
import { refuse } from "../errors.ts";
import { newVersion } from "./record.ts";
import type { Key, Millis, Store } from "./store.ts";

export interface Lease {
  /** Holds it for its whole time again; `now` also when half of that is left. @throws `store_conflict` when it was lost */
  renew(now?: boolean): Promise<void>;
  /** Lets go of it, if it is still held. */
  release(): Promise<void>;
}

/** @throws `store_conflict`, with what is going on, when somebody else holds it */
export async function takeLease(store: Store, name: string, ttl: Millis, held: string): Promise<Lease> {
  const key: Key = `lock:${name}`;
  let version = newVersion();
  if (!(await acquire(store, key, version, ttl))) throw refuse("store_conflict", { detail: held });
  let renewed = performance.now();
  return {
    async renew(now = false) {
      // Half of its time is left for the work that follows.
      if (!now && performance.now() - renewed < ttl / 2) return;
      const next = newVersion();
      if (!(await store.commit(key, {}, { expect: version, version: next, ttl })))
        throw refuse("store_conflict", { detail: held });
      version = next;
      renewed = performance.now();
    },
    async release() {
      // The port removes conditionally only by letting a record expire, and the next one need not wait for that.
      await store.commit(key, { free: true }, { expect: version, version: newVersion(), ttl: 1 });
    },
  };
}

/** Takes what nobody holds. A lease that was let go expires at once, which may be between our reading and our commit. */
async function acquire(store: Store, key: Key, version: string, ttl: Millis): Promise<boolean> {
  const left = await store.read<{ free?: true }>(key);
  if (left?.value.free && (await store.commit(key, {}, { expect: left.version, version, ttl }))) return true;
  if (left && !left.value.free) return false;
  return store.commit(key, {}, { expect: "absent", version, ttl });
}
