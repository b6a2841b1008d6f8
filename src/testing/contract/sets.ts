/** Sets: ordered and paged, or expiring. */
import assert from "node:assert/strict";
import { type Check, times, unique, until } from "./check.ts";

export const sets: Check[] = [
  {
    title: "an ordered set has each member once, in the order of its bytes",
    async run({ store }) {
      const set = `contract:${unique()}` as const;
      const members = ["b", "a", "ab", "", "🔑", "ﬀ", "é", "B", "a\u0000b", "a b", "a:b", "b"];
      for (const member of members) await store.join(set, member);
      const ordered = [...new Set(members)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      assert.deepEqual(await store.members(set), ordered);
    },
  },
  {
    title: "an ordered set is read in pages, 100 members at a time unless told otherwise",
    async run({ store }) {
      const set = `contract:${unique()}` as const;
      const members = Array.from({ length: 120 }, (_, i) => String(i).padStart(4, "0"));
      await times(members.length, (i) => store.join(set, members[i] ?? ""));
      assert.deepEqual(await store.members(set), members.slice(0, 100));
      assert.deepEqual(await store.members(set, { after: "0099" }), members.slice(100));
      assert.deepEqual(await store.members(set, { after: "0049x", limit: 3 }), ["0050", "0051", "0052"]);
      assert.deepEqual(await store.members(set, { after: "0119" }), []);
      assert.deepEqual(await store.members(set, { limit: 0 }), []);
    },
  },
  {
    title: "who leaves a set is no member any more; leaving again does no harm",
    async run({ store }) {
      const set = `contract:${unique()}` as const;
      await store.join(set, "a");
      await store.join(set, "b");
      await store.leave(set, "a");
      await store.leave(set, "a");
      await store.leave(set, "never");
      assert.deepEqual(await store.members(set), ["b"]);
    },
  },
  {
    title: "sets whose names begin alike do not mix",
    async run({ store }) {
      const name = unique();
      await store.join(`contract:${name}`, "xb");
      await store.join(`contract:${name}x`, "b");
      await store.join(`contract:${name}\u0000x`, "c");
      assert.deepEqual(await store.members(`contract:${name}`), ["xb"]);
      assert.deepEqual(await store.members(`contract:${name}x`), ["b"]);
      assert.deepEqual(await store.members(`contract:${unique()}`), []);
    },
  },
  {
    title: "members of an expiring set leave when their time is over, each by itself",
    async run({ store }) {
      const set = `contract:${unique()}` as const;
      await store.join(set, "long", 60_000);
      await store.join(set, "short", 60);
      await until(async () => (await store.members(set)).length === 1);
      assert.deepEqual(await store.members(set), ["long"]);
      await store.join(set, "short", 60_000);
      assert.deepEqual((await store.members(set)).sort(), ["long", "short"]);
    },
  },
  {
    title: "a member stays as long as its longest join",
    async run({ store }) {
      const set = `contract:${unique()}` as const;
      await store.join(set, "shortened", 60_000);
      await store.join(set, "shortened", 50);
      await store.join(set, "other", 100);
      await until(async () => !(await store.members(set)).includes("other"));
      await store.sweep();
      assert.deepEqual(await store.members(set), ["shortened"]);
    },
  },
  {
    title: "all live members of an expiring set are given, however many",
    async run({ store }) {
      const set = `contract:${unique()}` as const;
      await times(150, (i) => store.join(set, `m${i}`, 60_000));
      assert.equal(new Set(await store.members(set)).size, 150);
    },
  },
  {
    title: "a set is expiring or ordered, never both; an empty one may become either",
    async run({ store }) {
      const [expiring, ordered] = [`contract:${unique()}`, `contract:${unique()}`] as const;
      await store.join(expiring, "a", 60_000);
      await store.join(ordered, "a");
      await assert.rejects(store.join(expiring, "b"), TypeError);
      await assert.rejects(store.join(ordered, "b", 60_000), TypeError);
      assert.deepEqual(await store.members(expiring), ["a"]);
      assert.deepEqual(await store.members(ordered), ["a"]);
      await store.leave(expiring, "a");
      await store.join(expiring, "b");
      assert.deepEqual(await store.members(expiring), ["b"]);
    },
  },
  {
    title: "a set whose members have all expired may become ordered",
    async run({ store }) {
      const set = `contract:${unique()}` as const;
      await store.join(set, "a", 30);
      await until(async () => (await store.members(set)).length === 0);
      await store.join(set, "b");
      assert.deepEqual(await store.members(set), ["b"]);
    },
  },
  {
    title: "a record, a counter, a set and a log may have one name",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      await store.write(key, "record");
      assert.equal(await store.count(key, 60_000), 1);
      await store.join(key, "member");
      await store.append(key, { id: unique(), type: "account.created", at: 1 }, "op");
      assert.equal((await store.read(key))?.value, "record");
      assert.deepEqual(await store.members(key), ["member"]);
      await store.remove(key);
      assert.equal(await store.count(key, 60_000), 2);
      assert.deepEqual(await store.members(key), ["member"]);
    },
  },
];
