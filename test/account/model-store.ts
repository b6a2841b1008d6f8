/**
 * A store small enough to be walked through exhaustively. It keeps the port's promises about one key and knows no
 * time: a record with a ttl may expire at any moment, and it is the checker that says when.
 */
import type { Batch, CommitOptions, Entry, Key, Kind, Store, WriteOptions } from "../../src/store/store.ts";

export interface Cell {
  readonly json: string;
  readonly version: string;
  readonly expiring: boolean;
  /** The walk's own note of what matters in the value. */
  shown?: string;
}

export type Cells = Map<Key, Cell>;

/** A store call with its arguments, to be done on some cells. */
export type Call<T> = (cells: Cells) => T;

/** The calls that matter here; any other one is a mistake in the test. */
export const calls = {
  read:
    (key: Key): Call<unknown> =>
    (cells) => {
      const cell = cells.get(key);
      return cell && { value: JSON.parse(cell.json), version: cell.version };
    },
  write:
    (key: Key, value: unknown, { ttl }: WriteOptions = {}): Call<void> =>
    (cells) => {
      cells.set(key, { json: JSON.stringify(value), version: "written", expiring: ttl !== undefined });
    },
  commit:
    (key: Key, value: unknown, { expect, version, ttl }: CommitOptions): Call<boolean> =>
    (cells) => {
      const stands = cells.get(key)?.version ?? "absent";
      if (stands !== expect && stands !== version) return false;
      cells.set(key, { json: JSON.stringify(value), version, expiring: ttl !== undefined });
      return true;
    },
  remove:
    (key: Key): Call<void> =>
    (cells) => {
      cells.delete(key);
    },
  scan:
    (kind: Kind): Call<Entry[]> =>
    (cells) =>
      [...cells]
        .filter(([key]) => key.startsWith(`${kind}:`))
        .map(([key, { json, version }]) => ({ key, value: JSON.parse(json), version })),
};

/** What happened is told in records of its own that no decision reads: their order makes no difference to any. */
function isTold(key: Key): boolean {
  return key.startsWith("activity:");
}

/** A store that hands each call to `make`. */
export function storeOver(make: <T>(at: Key | Kind, call: Call<T>) => Promise<T>): Store {
  const store: Pick<Store, "read" | "write" | "commit" | "remove" | "append" | "scan"> = {
    read: async (key) => (isTold(key) ? undefined : (make(key, calls.read(key)) as never)),
    write: (key, value, options) => make(key, calls.write(key, value, options)),
    commit: async (key, value, options) => isTold(key) || make(key, calls.commit(key, value, options)),
    remove: (key) => make(key, calls.remove(key)),
    // The log is a key of its own that nobody here reads: its order with anything else makes no difference.
    append: async () => {},
    async *scan(kind): AsyncGenerator<Batch> {
      yield { entries: await make(kind, calls.scan(kind)), next: "" };
    },
  };
  return store as Store;
}

/** A store that does each call at once. */
export function modelStore(cells: Cells): Store {
  return storeOver(async (_, call) => call(cells));
}
