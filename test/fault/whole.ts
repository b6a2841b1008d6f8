/** What must hold of a store whatever happened to those who wrote to it (P8 of the failure matrix). */
import assert from "node:assert/strict";
import { fileShelf, storeShelf } from "../../src/password/shelf.ts";
import { verifyStore } from "../../src/transfer/verify.ts";
import type { OpenStore } from "../support/stores.ts";

/** A death may leave hints that lead nowhere and events that wait; nothing but a lost write explains the others. */
const LEFT_BEHIND = /^(leads to no account|events that the log does not have|a verifier whose account)/;

/** Every reference of the store holds, once what a death may leave behind is tidied away; gives how much that was. */
export async function isWhole({ store, url }: Pick<OpenStore, "store" | "url">): Promise<number> {
  const shelf = url.startsWith("lmdb:") ? fileShelf(url.slice("lmdb:".length)) : storeShelf(store);
  const { found, problems } = await verifyStore({ store, shelf, fix: true });
  assert.deepEqual(
    problems.filter(({ problem }) => !LEFT_BEHIND.test(problem)),
    [],
  );
  assert.deepEqual((await verifyStore({ store, shelf, fix: false })).problems, []);
  return found;
}
