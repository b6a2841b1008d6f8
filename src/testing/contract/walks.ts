/** Walks over all records of a kind; being there; going away. */
import assert from "node:assert/strict";
import { type Check, collect, entries, times, unique } from "./check.ts";

export const walks: Check[] = [
  {
    title: "a walk gives every record of its kind and none of another",
    async run({ store }) {
      const kind = `contract${unique()}`;
      for (const id of ["a", "b", "", "x:y"]) await store.write(`${kind}:${id}`, id);
      await store.write(`${kind}x:a`, "another kind");
      await store.write(`${kind}-:a`, "another kind");
      await store.join(`${kind}:set`, "a");
      await store.count(`${kind}:counter`, 60_000);
      const expected = { [`${kind}:a`]: "a", [`${kind}:b`]: "b", [`${kind}:`]: "", [`${kind}:x:y`]: "x:y" };
      assert.deepEqual(await entries(store.scan(kind)), new Map(Object.entries(expected)));
      assert.deepEqual(await entries(store.scan(`none${unique()}`)), new Map());
    },
  },
  {
    title: "an entry of a walk can be committed against",
    async run({ store }) {
      const kind = `contract${unique()}`;
      await store.write(`${kind}:a`, 1);
      const [entry] = (await collect(store.scan(kind))).flatMap((batch) => batch.entries);
      assert.ok(entry);
      assert.equal(await store.commit(entry.key, 2, { expect: entry.version, version: "next" }), true);
    },
  },
  {
    title: "a walk that goes on after a batch leaves nothing out",
    async run({ store, reopen }) {
      const kind = `contract${unique()}`;
      await times(1300, (i) => store.write(`${kind}:${i}`, i));
      const whole = await collect(store.scan(kind));
      assert.equal(await entries(store.scan(kind)).then(({ size }) => size), 1300);
      assert.ok(whole.length > 1, "more than one batch");
      const other = await reopen();
      for (const [i, { next }] of whole.entries()) {
        const before = whole.slice(0, i + 1).flatMap((batch) => batch.entries.map(({ key }) => key));
        const after = await entries(other.scan(kind, next));
        assert.equal(new Set([...before, ...after.keys()]).size, 1300);
      }
      assert.equal((await entries(other.scan(kind, whole.at(-1)?.next))).size, 0);
      await other.close();
    },
  },
  {
    title: "what cannot be a kind is a mistake",
    async run({ store }) {
      for (const kind of ["", "a:b", "*", "1a", "a b"]) {
        await assert.rejects(collect(store.scan(kind)), TypeError);
      }
    },
  },
  {
    title: "a store answers a ping until it is closed; closing it twice does no harm",
    async run({ reopen }) {
      const store = await reopen();
      await store.ping();
      await store.close();
      await store.close();
      await assert.rejects(store.ping(), { code: "store_unavailable" });
      await assert.rejects(store.read(`contract:${unique()}`), { code: "store_unavailable" });
      await assert.rejects(store.write(`contract:${unique()}`, 1), { code: "store_unavailable" });
    },
  },
];
