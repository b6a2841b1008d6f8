/** What must hold of a store whatever happened to those who wrote to it (P8 of the failure matrix). */
import assert from "node:assert/strict";
import type { Store } from "../../src/store/store.ts";
import { verifyStore } from "../../src/transfer/verify.ts";

/** A death may leave hints that lead nowhere and events that wait; nothing but a lost write explains the others. */
const LEFT_BEHIND = /^(leads to no account|events that the log does not have|a verifier whose account)/;

/** Every reference of the store holds, once what a death may leave behind is tidied away; gives how much that was. */
export async function isWhole(store: Store): Promise<number> {
  const { found, problems } = await verifyStore({ store, fix: true });
  assert.deepEqual(
    problems.filter(({ problem }) => !LEFT_BEHIND.test(problem)),
    [],
  );
  assert.deepEqual((await verifyStore({ store, fix: false })).problems, []);
  return found;
}
