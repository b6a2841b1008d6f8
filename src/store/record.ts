/**
 * Records: what stands under a key, and how an old one is read.
 *
 * A stored record carries the number of its schema. Reading upcasts it in memory through the pure steps of its
 * kind, so new code runs on old data at once; the batch migration only tidies.
 */
import { hash } from "node:crypto";
import { refuse } from "../errors.ts";
import { randomText } from "../random.ts";
import type { Key, Kind, Store, Stored, Version } from "./store.ts";

/** A pure step from one schema of a record to the next. */
export type Upcast = (record: Record<string, unknown>) => Record<string, unknown>;

/** One kind of record: its keys, its schema, and how it is encoded. */
export interface RecordKind<T extends object> {
  readonly kind: Kind;
  /** The number of the newest schema: one more than there are upcasts. */
  readonly schema: number;
  key(id: string): Key;
  encode(value: T): object;
  decode(stored: object): T;
  read(store: Store, id: string): Promise<Stored<T> | undefined>;
}

/** What a stored record says of itself. */
type Labelled = { schema?: number; reader?: number } & Record<string, unknown>;

/**
 * Describes a kind of record. `upcasts[n]` leads from schema n + 1 to n + 2.
 *
 * @param reader the oldest schema whose code may read and write these records, so that both may run side by side;
 * what such code does not know it keeps, and what it writes says its own schema
 * @throws `store_refused` on reading when the data is newer than the code.
 */
export function recordKind<T extends object>(
  kind: Kind,
  upcasts: readonly Upcast[] = [],
  reader = upcasts.length + 1,
): RecordKind<T> {
  const schema = upcasts.length + 1;
  const label = reader < schema ? { schema, reader } : { schema };
  const decode = (stored: object): T => {
    const { schema: found = 1, reader: needed = found, ...rest } = stored as Labelled;
    if (found > schema && needed > schema) {
      const detail = `A ${kind} record has schema ${found}; this version reads up to ${schema}. Run a newer version.`;
      throw refuse("store_refused", { detail });
    }
    return upcasts.slice(found - 1).reduce((record, step) => step(record), rest) as T;
  };
  return {
    kind,
    schema,
    key: (id) => `${kind}:${id}`,
    encode: (value) => ({ ...value, ...label }),
    decode,
    async read(store, id) {
      const found = await store.read<object>(`${kind}:${id}`);
      return found && { value: decode(found.value), version: found.version };
    },
  };
}

const VERSION_BYTES = 12;

/** A fresh version: 96 random bits, never reused. */
export function newVersion(): Version {
  return randomText(VERSION_BYTES);
}

/** What stands in a key instead of a bearer value: its SHA-256, so that a copy of the store opens nothing. */
export function fingerprint(secret: string): string {
  return hash("sha256", secret, "base64url");
}
