/** Keys and members from outside. */
import assert from "node:assert/strict";
import type { Key } from "../../store/store.ts";
import { type Check, entries, unique } from "./check.ts";

const NASTY = [
  "a",
  "a\n",
  "a\r\nFLUSHALL\r\n",
  "a\u0000",
  "\u0000",
  "a\u0000b",
  "{a}",
  "{a}b",
  "{}",
  "*",
  "a*",
  "?",
  "[a-z]",
  "\\",
  "\\*",
  "a:b",
  ":",
  " a",
  "a ",
  "__proto__",
  "constructor",
  "redis.call('FLUSHALL')",
  "../../etc/passwd",
  "é",
  "e\u0301",
  "🔑",
  "\uffff",
  "x".repeat(1800),
];

export const hostile: Check[] = [
  {
    title: "SEC-114 every id is its own key, whatever stands in it",
    async run({ store }) {
      const kind = `contract${unique()}`;
      for (const id of NASTY) await store.write(`${kind}:${id}`, { id });
      for (const id of NASTY) assert.deepEqual((await store.read(`${kind}:${id}`))?.value, { id });
      const expected = new Map(NASTY.map((id) => [`${kind}:${id}`, { id }]));
      const found = await entries(store.scan(kind));
      assert.deepEqual(new Map([...found].sort()), new Map([...expected].sort()));
      for (const id of NASTY)
        assert.deepEqual(await store.take(`${kind}:${id}`, id.slice(0, 9) || "op"), { id });
      assert.equal((await entries(store.scan(kind))).size, 0);
    },
  },
  {
    title: "SEC-114 every member is its own, whatever stands in it",
    async run({ store }) {
      const sets = NASTY.slice(0, -1).map((id): Key => `contract${unique()}:${id}`);
      for (const set of sets) {
        for (const member of NASTY.slice(0, -1)) await store.join(set, member);
        assert.deepEqual(new Set(await store.members(set)), new Set(NASTY.slice(0, -1)));
      }
    },
  },
  {
    title: "SEC-114 a key that cannot be is absent to readers and a mistake to writers",
    async run({ store }) {
      const version = "next";
      const event = { id: unique(), type: "account.created", at: 1 } as const;
      for (const id of ["x".repeat(1901), "é".repeat(1000), "y".repeat(10_000_000), "\ud800", "a\udc00b"]) {
        const key = `contract:${id}` as const;
        assert.equal(await store.read(key), undefined);
        assert.equal(await store.take(key, "op"), undefined);
        assert.deepEqual(await store.members(key), []);
        await store.remove(key);
        await store.leave(key, "a");
        await assert.rejects(store.write(key, 1), TypeError);
        await assert.rejects(store.commit(key, 1, { expect: "absent", version }), TypeError);
        await assert.rejects(store.count(key, 1000), TypeError);
        await assert.rejects(store.join(key, "a"), TypeError);
        await assert.rejects(store.join("contract:set", id), TypeError);
        await assert.rejects(store.append(key, event, "op"), TypeError);
      }
    },
  },
  {
    title: "a key without a kind is a mistake to everybody",
    async run({ store }) {
      for (const key of ["", "a", ":a", "#set:a:b", "a b:c", "*:a"] as Key[]) {
        await assert.rejects(store.read(key), TypeError);
        await assert.rejects(store.write(key, 1), TypeError);
        await assert.rejects(store.take(key, "op"), TypeError);
        await assert.rejects(store.remove(key), TypeError);
        await assert.rejects(store.members(key), TypeError);
      }
    },
  },
];
