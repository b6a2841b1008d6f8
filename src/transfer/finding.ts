/** What `store verify` finds: the key, what is wrong with it, and how it is put right, where that is possible. */

import type { Key } from "../store/store.ts";
import type { KeyShelf } from "./backup.ts";

/** Where the keys of the verifiers lie. */
export type Shelf = KeyShelf & { destroy(id: string): Promise<void> };

export interface Finding {
  key: Key;
  problem: string;
  repair?: () => Promise<unknown>;
}

/** For each record of some kind what is wrong with it. */
export type Findings = AsyncGenerator<Finding[]>;
