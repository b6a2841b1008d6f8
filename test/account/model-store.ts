/**
 * A store small enough to be walked through exhaustively. It keeps the port's promises about one key and knows no
 * time: a record with a ttl may expire at any moment, and it is the checker that says when.
 */
import type { Batch, CommitOptions, Key, Kind, Millis, Store, Stored } from "../../src/store/store.ts";

export interface Cell {
  json: string;
  /** The value without what differs from run to run and decides nothing: random events and tokens, times. */
  shown: string;
  version: string;
  expiring: boolean;
}

export type Cells = Map<Key, Cell>;

/** The methods that matter here; any other one is a mistake in the test. */
export type ModelStore = Pick<Store, "read" | "write" | "commit" | "take" | "remove" | "append" | "scan">;

let written = 0;

export function modelStore(cells: Cells): Store {
  const put = (key: Key, value: unknown, version: string, ttl: Millis | undefined) =>
    cells.set(key, {
      json: JSON.stringify(value),
      shown: shown(value),
      version,
      expiring: ttl !== undefined,
    });
  const store: ModelStore = {
    async read<T>(key: Key) {
      const cell = cells.get(key);
      return cell && ({ value: JSON.parse(cell.json), version: cell.version } as Stored<T>);
    },
    async write(key, value, options) {
      put(key, value, `w${written++}`, options?.ttl);
    },
    async commit(key: Key, value: unknown, { expect, version, ttl }: CommitOptions) {
      const stands = cells.get(key)?.version ?? "absent";
      if (stands !== expect && stands !== version) return false;
      put(key, value, version, ttl);
      return true;
    },
    async take<T>(key: Key) {
      const cell = cells.get(key);
      cells.delete(key);
      return cell && (JSON.parse(cell.json) as T);
    },
    async remove(key) {
      cells.delete(key);
    },
    async append() {},
    async *scan(kind: Kind): AsyncGenerator<Batch> {
      yield { entries: snapshot(cells, kind), next: "" };
    },
  };
  return store as Store;
}

function snapshot(cells: Cells, kind: Kind) {
  return [...cells]
    .filter(([key]) => key.startsWith(`${kind}:`))
    .map(([key, { json, version }]) => ({ key, value: JSON.parse(json), version }));
}

const RANDOM = new Set(["outbox", "created", "token"]);

/** A value as text, as far as it matters to a walk; versions by their labels, since they are random as well. */
export function shown(value: unknown, labels?: ReadonlyMap<string, string>): string {
  return JSON.stringify(value ?? null, (key, inner) => {
    if (RANDOM.has(key)) return undefined;
    return key === "version" ? (labels?.get(inner) ?? "") : inner;
  });
}
