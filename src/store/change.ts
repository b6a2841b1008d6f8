/** Read, decide, commit: the one way a record that more than one request may write is changed. */
import { refuse } from "../errors.ts";
import { newVersion, type RecordKind } from "./record.ts";
import type { Millis, Store, Stored } from "./store.ts";

/** What a decision comes to: the new value (`undefined`: leave the record as it is) and what the caller gets. */
export interface Decision<T, R> {
  value: T | undefined;
  result: R;
}

/** How often a decision is taken again because somebody else was faster. */
const ATTEMPTS = 16;

/**
 * Waits until what was read is kept: it may be what somebody else wrote, or an earlier attempt that was not confirmed.
 * A commit of the version that is there changes nothing; false when somebody was faster.
 */
function settle<T extends object>(
  store: Store,
  kind: RecordKind<T>,
  id: string,
  found: Stored<T>,
): Promise<boolean> {
  const { value, version } = found;
  return store.commit(kind.key(id), kind.encode(value), { expect: version, version, durable: true });
}

/**
 * Changes one record: reads it, lets `decide` say what it becomes, and commits that against the version read;
 * when somebody else was faster, decides again on what they wrote. `decide` must be pure: it may run many times.
 * A refusal it throws changes nothing. With `isSettled` a record that is left as it is, is durable as well.
 *
 * @throws `store_conflict` when the record never stood still.
 */
export async function change<T extends object, R>(
  store: Store,
  kind: RecordKind<T>,
  id: string,
  decide: (current: T | undefined) => Decision<T, R>,
  { isSettled, ...options }: { durable?: boolean; ttl?: Millis; isSettled?: boolean } = {},
): Promise<R> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const current = await kind.read(store, id);
    const { value, result } = decide(current?.value);
    if (value === undefined) {
      if (!isSettled || !current || (await settle(store, kind, id, current))) return result;
      continue;
    }
    const written = await store.commit(kind.key(id), kind.encode(value), {
      ...options,
      expect: current?.version ?? "absent",
      version: newVersion(),
    });
    if (written) return result;
  }
  throw refuse("store_conflict");
}
