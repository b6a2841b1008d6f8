/**
 * What every store must do, as a list of checks for any test runner.
 *
 * Each check uses keys of its own, so all of them may run on one store, one after another or at once.
 */
import { bulk } from "./contract/bulk.ts";
import type { Check } from "./contract/check.ts";
import { expiry } from "./contract/expiry.ts";
import { hostile } from "./contract/hostile.ts";
import { logs } from "./contract/logs.ts";
import { records } from "./contract/records.ts";
import { sets } from "./contract/sets.ts";
import { taking } from "./contract/taking.ts";
import { walks } from "./contract/walks.ts";

export type { Check, ContractStore } from "./contract/check.ts";

/**
 * The contract of {@link Store}.
 *
 * @example
 * ```ts
 * import { test } from "node:test";
 * import { lmdbStore } from "latchkey/lmdb";
 * import { storeContract } from "latchkey/testing";
 *
 * const opened = { store: lmdbStore("./data"), reopen: async () => lmdbStore("./data") };
 * for (const { title, run } of storeContract) test(title, () => run(opened));
 * ```
 */
export const storeContract: readonly Check[] = [
  ...records,
  ...taking,
  ...expiry,
  ...sets,
  ...logs,
  ...walks,
  ...bulk,
  ...hostile,
];
