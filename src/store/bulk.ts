/**
 * All that a store keeps, one thing after another: what a copy and a backup are made of. For operators, never for a
 * request. A walk sees what stood still while it ran; what changed meanwhile it may show as it was before or after.
 */
import type { Key, Millis, Version } from "./store.ts";

/** One thing that a store keeps, as it can be put into another one. What others have taken is none. */
export type Item =
  | { sort: "record"; key: Key; version: Version; json: string; ttl?: Millis }
  | { sort: "counter"; key: Key; count: number; ttl: Millis }
  | { sort: "member"; key: Key; member: string; ttl?: Millis }
  /** `place` is the cursor of the event in its log, in every store the same. */
  | { sort: "event"; key: Key; json: string; place: string };

export interface Bulk {
  /** Everything, in batches; something may come twice, nothing that stays is left out. */
  dump(): AsyncIterable<Item[]>;
  /**
   * Puts things where they stood elsewhere, over whatever is there: versions are kept, and times to live begin to run
   * here. Returns how many were not there already. A repeat does nothing.
   */
  load(items: readonly Item[]): Promise<number>;
  /** Which of them are there, of whatever version. */
  holds(items: readonly Item[]): Promise<boolean[]>;
  /** Resolves when all that was written before, on every server, is kept as a durable write is. @throws `store_not_durable` */
  settle(): Promise<void>;
}
