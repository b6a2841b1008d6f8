/** All that a store keeps, taken out and put back. */
import assert from "node:assert/strict";
import type { Item } from "../../store/bulk.ts";
import type { Key, Store } from "../../store/store.ts";
import { type Check, collect, unique, until } from "./check.ts";

/** Everything about keys of one name, whatever else is in the store. */
async function about(store: Store, name: string): Promise<Item[]> {
  const found = new Map<string, Item>();
  for await (const items of store.bulk.dump()) {
    for (const item of items)
      if (item.key.includes(name)) found.set(JSON.stringify({ ...item, ttl: 0 }), item);
  }
  return [...found.values()];
}

const sorts = (items: Item[]) => items.map(({ sort }) => sort).sort();

export const bulk: Check[] = [
  {
    title: "a dump has records, counters, members and events, with what is left of their time",
    async run({ store }) {
      const name = unique();
      const key: Key = `contract:${name}`;
      await store.commit(key, { b: 1, a: "ü\n" }, { expect: "absent", version: "v1" });
      await store.write(`${key}:passing`, 1, { ttl: 60_000 });
      await store.count(key, 60_000);
      await store.count(key, 60_000);
      await store.join(key, "kept");
      await store.join(`${key}:passing`, "passing", 60_000);
      const event = { id: name, type: "account.created", at: 1 } as const;
      await store.append(key, event, name);
      const items = await about(store, name);
      assert.deepEqual(sorts(items), ["counter", "event", "member", "member", "record", "record"]);
      const record = items.find((item) => item.sort === "record" && item.key === key);
      assert.deepEqual(record, { sort: "record", key, version: "v1", json: '{"b":1,"a":"ü\\n"}' });
      const [told] = await collect(store.tail(key));
      const logged = items.find(({ sort }) => sort === "event");
      assert.deepEqual(logged, { sort: "event", key, json: JSON.stringify(event), place: told?.cursor });
      const lasting = items.filter((item) => "ttl" in item && item.ttl !== undefined);
      assert.deepEqual(sorts(lasting), ["counter", "member", "record"]);
      for (const item of lasting)
        assert.ok("ttl" in item && item.ttl && item.ttl > 30_000 && item.ttl <= 60_000);
    },
  },
  {
    title: "what was taken or has expired is in no dump",
    async run({ store }) {
      const name = unique();
      await store.write(`contract:${name}:taken`, 1);
      await store.take(`contract:${name}:taken`, "op");
      await store.write(`contract:${name}:expired`, 1, { ttl: 5 });
      await store.join(`contract:${name}:set`, "expired", 5);
      await until(async () => (await store.read(`contract:${name}:expired`)) === undefined);
      await until(async () => (await store.members(`contract:${name}:set`)).length === 0);
      assert.deepEqual(await about(store, name), []);
    },
  },
  {
    title:
      "what is loaded stands as it stood: versions, counts, members, order of events; a repeat does nothing",
    async run({ store }) {
      const name = unique();
      const key: Key = `contract:${name}`;
      const event = (n: number, place: string): Item => ({
        sort: "event",
        key,
        json: JSON.stringify({ id: `${name}${n}`, type: "account.created", at: n }),
        place,
      });
      const items: Item[] = [
        { sort: "record", key, version: "v7", json: '{"n":1}' },
        { sort: "record", key: `${key}:passing`, version: "v8", json: "2", ttl: 60_000 },
        { sort: "counter", key, count: 41, ttl: 60_000 },
        { sort: "member", key, member: "a" },
        { sort: "member", key: `${key}:passing`, member: "b", ttl: 60_000 },
        event(2, "1700000000000002"),
        event(1, "1700000000000001"),
      ];
      assert.equal(await store.bulk.load(items), 7);
      assert.equal(await store.bulk.load(items), 0);
      await store.bulk.settle();
      assert.deepEqual(await store.read(key), { value: { n: 1 }, version: "v7" });
      assert.equal(await store.count(key, 60_000), 42);
      assert.deepEqual(await store.members(key), ["a"]);
      assert.deepEqual(await store.members(`${key}:passing`), ["b"]);
      const told = await collect(store.tail(key));
      assert.deepEqual(
        told.map(({ event: { at }, cursor }) => [at, cursor]),
        [
          [1, "1700000000000001"],
          [2, "1700000000000002"],
        ],
      );
      assert.deepEqual(await store.bulk.holds(items), Array(7).fill(true));
      await store.remove(key);
      await store.leave(key, "a");
      assert.deepEqual(await store.bulk.holds(items), [false, true, true, false, true, true, true]);
    },
  },
  {
    title: "loading puts a newer version over an older one, and leaves the same one alone",
    async run({ store }) {
      const key: Key = `contract:${unique()}`;
      await store.commit(key, "old", { expect: "absent", version: "v1" });
      assert.equal(await store.bulk.load([{ sort: "record", key, version: "v1", json: '"other"' }]), 0);
      assert.equal((await store.read(key))?.value, "old");
      assert.equal(await store.bulk.load([{ sort: "record", key, version: "v2", json: '"new"' }]), 1);
      assert.deepEqual(await store.read(key), { value: "new", version: "v2" });
    },
  },
  {
    title: "a large set and a long log are dumped whole",
    async run({ store }) {
      const name = unique();
      const key: Key = `contract:${name}`;
      const members: Item[] = Array.from({ length: 1300 }, (_, i) => ({
        sort: "member",
        key,
        member: String(i),
      }));
      const events: Item[] = Array.from({ length: 1300 }, (_, i) => ({
        sort: "event",
        key,
        json: JSON.stringify({ id: `${name}${i}`, type: "account.created", at: i }),
        place: String(1_700_000_000_000_000 + i),
      }));
      assert.equal(await store.bulk.load([...members, ...events]), 2600);
      const found = await about(store, name);
      assert.equal(found.filter(({ sort }) => sort === "member").length, 1300);
      assert.equal(found.filter(({ sort }) => sort === "event").length, 1300);
    },
  },
];
