/** Accounts with passwords over a real store, for the tests of this room. */
import { resolve } from "node:path";
import { afterAll, beforeAll } from "vitest";
import type { Account } from "../../src/account/account.ts";
import { createImported, type ImportedInput } from "../../src/account/create.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { currentKey, type Safe } from "../../src/password/keys.ts";
import { fileShelf, storeShelf } from "../../src/password/shelf.ts";
import { sealVerifier, verifierRecord } from "../../src/password/verifiers.ts";
import type { Store } from "../../src/store/store.ts";
import { createVault } from "../../src/vault.ts";
import { fresh } from "../account/people.ts";
import type { OpenStore, StoreKind } from "../support/stores.ts";

/** Cheap hashes of `right`, by what made them. */
export const RIGHT = "right";
export const HASHES = {
  bcrypt: "$2b$04$abcdefghijklmnopqrstuuFmEfrkTQnczNzw475xE2VhDrK1uwJiC",
  slower: "$2b$08$abcdefghijklmnopqrstuuM7WmALSPQG/ubL8NksTdR4H7Y2WXZ..",
};

export const SECRET = "a root secret of at least thirty-two bytes";

/** What stands behind the passwords of a store. */
export function safeOf(opened: OpenStore, store: Store = opened.store, clock: Clock = systemClock): Safe {
  const shelf = opened.url.startsWith("lmdb:")
    ? fileShelf(resolve(opened.url.slice("lmdb:".length)))
    : storeShelf(store);
  return { store, clock, vault: createVault([SECRET]), shelf };
}

/** An account as an import makes it, with a password. */
export async function withPassword(
  safe: Safe,
  hash: string,
  more: Partial<ImportedInput> = {},
): Promise<Account> {
  const input = { username: fresh("legacy"), password: true, ...more };
  return createImported(safe, input, async (id) => {
    const key = await currentKey(safe);
    const record = verifierRecord.encode(sealVerifier(key, id, hash));
    await safe.store.write(verifierRecord.key(id), record);
  });
}

/** Opens a store for all tests of the surrounding block. */
export function place(open: StoreKind["open"]) {
  let opened: OpenStore;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => opened.close());
  return {
    get opened() {
      return opened;
    },
    get store() {
      return opened.store;
    },
    safe: (store?: Store, clock?: Clock) => safeOf(opened, store, clock),
  };
}
