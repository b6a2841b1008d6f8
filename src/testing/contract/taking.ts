/** Single use, and counters. */
import assert from "node:assert/strict";
import { newVersion } from "../../store/record.ts";
import { type Check, entries, times, unique, until } from "./check.ts";

export const taking: Check[] = [
  {
    title: "a taken record is given once and is then absent",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      await store.write(key, { a: 1 });
      assert.deepEqual(await store.take(key, "first"), { a: 1 });
      assert.equal(await store.take(key, "second"), undefined);
      assert.equal(await store.read(key), undefined);
    },
  },
  {
    title: "take repeated with the same op gives the same value, others nothing",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      await store.write(key, "value");
      for (let i = 0; i < 3; i++) {
        assert.equal(await store.take(key, "mine"), "value");
        assert.equal(await store.take(key, "min"), undefined);
        assert.equal(await store.take(key, "mine2"), undefined);
        assert.equal(await store.take(key, " mine"), undefined);
      }
    },
  },
  {
    title: "any text can be an op, but not none",
    async run({ store }) {
      for (const op of ["!1:a ", "a b", "\u0000", "\n", "🔑", "x".repeat(256)]) {
        const key = `contract:${unique()}` as const;
        await store.write(key, op);
        assert.equal(await store.take(key, op), op);
        assert.equal(await store.take(key, op), op);
        assert.equal(await store.take(key, `${op.slice(0, 100)}.`), undefined);
      }
      await assert.rejects(store.take(`contract:${unique()}`, ""), TypeError);
    },
  },
  {
    title: "200 takes at once have one winner",
    async run({ store, reopen }) {
      const key = `contract:${unique()}` as const;
      const other = await reopen();
      await store.write(key, "value");
      const taken = await times(200, (i) => (i % 2 ? store : other).take(key, `op${i}`));
      assert.deepEqual(
        taken.filter((value) => value !== undefined),
        ["value"],
      );
      await other.close();
    },
  },
  {
    title: "what is not there cannot be taken",
    async run({ store }) {
      assert.equal(await store.take(`contract:${unique()}`, "op"), undefined);
    },
  },
  {
    title: "a taken record counts as absent for commit, write and scan",
    async run({ store }) {
      const kind = `contract${unique()}`;
      const [key, version] = [`${kind}:a`, newVersion()] as const;
      await store.commit(key, 1, { expect: "absent", version });
      assert.equal(await store.take(key, "op"), 1);
      assert.deepEqual(await entries(store.scan(kind)), new Map());
      assert.equal(await store.commit(key, 2, { expect: version, version: newVersion() }), false);
      assert.equal(await store.commit(key, 3, { expect: "absent", version: newVersion() }), true);
      assert.equal((await store.read(key))?.value, 3);
      assert.equal(await store.take(key, "another"), 3);
      await store.write(key, 4);
      assert.equal((await store.read(key))?.value, 4);
    },
  },
  {
    title: "a record that was taken is gone no later than it would have been",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      await store.write(key, 1, { ttl: 80 });
      assert.equal(await store.take(key, "op"), 1);
      await until(async () => (await store.take(key, "op")) === undefined);
    },
  },
  {
    title: "a counter counts every call once",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      const counted = await times(100, () => store.count(key, 60_000));
      assert.deepEqual(
        counted.sort((a, b) => a - b),
        Array.from({ length: 100 }, (_, i) => i + 1),
      );
    },
  },
  {
    title: "a counter starts again when its window is over, however often it was asked",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      assert.equal(await store.count(key, 100), 1);
      assert.equal(await store.count(key, 60_000), 2);
      await until(async () => (await store.count(key, 100)) === 1);
    },
  },
];
