import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { takeLease } from "../../src/store/lease.ts";
import type { Key, Store } from "../../src/store/store.ts";
import { override } from "../support/override.ts";
import { type OpenStore, stores } from "../support/stores.ts";

describe.each(stores)("a lease on $name", ({ open }) => {
  let opened: OpenStore;
  beforeEach(async () => {
    opened = await open();
  });
  afterEach(() => opened.close());
  const take = (store: Store = opened.store) => takeLease(store, "work", 60_000, "somebody works");

  test("has one holder, and another one after it was let go", async () => {
    const first = await take();
    await expect(take()).rejects.toMatchObject({ code: "store_conflict", detail: "somebody works" });
    await first.release();
    await (await take()).renew(true);
  });

  test("that was let go is taken also where it expires while somebody looks", async () => {
    await (await take()).release();
    const { store } = opened;
    const slow = override(store, {
      async read<T>(key: Key) {
        const found = await store.read<T>(key);
        await store.remove(key);
        return found ?? { value: { free: true } as T, version: "of the one that expired" };
      },
    });
    await (await take(slow)).renew(true);
  });

  test("that another one took meanwhile is neither renewed nor let go by its first holder", async () => {
    const asleep = await take();
    await opened.store.remove("lock:work");
    const other = await take();
    await expect(asleep.renew(true)).rejects.toMatchObject({ code: "store_conflict" });
    await asleep.release();
    await other.renew(true);
  });
});
