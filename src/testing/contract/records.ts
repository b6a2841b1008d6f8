/** Records: read, write, compare and set. */
import assert from "node:assert/strict";
import { change } from "../../store/change.ts";
import { newVersion, recordKind } from "../../store/record.ts";
import { type Check, times, unique } from "./check.ts";

const counters = recordKind<{ n: number }>("contract");

export const records: Check[] = [
  {
    title: "a record that was never written is absent",
    async run({ store }) {
      assert.equal(await store.read(`contract:${unique()}`), undefined);
    },
  },
  {
    title: "a record is read with the version that its writer chose",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      const version = newVersion();
      assert.equal(await store.commit(key, { a: 1 }, { expect: "absent", version }), true);
      assert.deepEqual(await store.read(key), { value: { a: 1 }, version });
    },
  },
  {
    title: "the last of two writes stays, under a version of its own",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      await store.write(key, "first");
      const first = await store.read(key);
      await store.write(key, "second");
      const second = await store.read(key);
      assert.equal(first?.value, "first");
      assert.equal(second?.value, "second");
      assert.notEqual(first?.version, second?.version);
    },
  },
  {
    title: "values come back as JSON has them",
    async run({ store }) {
      const values = [
        null,
        false,
        0,
        "",
        [],
        {},
        "é 🔑 \u0000 \u2028 \ud800",
        { deep: [[{ deeper: [null, { deepest: true }] }]], "": 1 },
        JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": 1}}'),
        "x".repeat(1_000_000),
        { text: "space ! first", number: 1e21, small: -0.1 },
      ];
      for (const value of values) {
        const key = `contract:${unique()}` as const;
        await store.write(key, value);
        assert.deepEqual((await store.read(key))?.value, value);
        assert.deepEqual(await store.take(key, "op"), value);
      }
      assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    },
  },
  {
    title: "undefined members are dropped, and a value that is undefined is a mistake",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      await store.write(key, { a: undefined, b: 1 });
      assert.deepEqual((await store.read(key))?.value, { b: 1 });
      await assert.rejects(store.write(key, undefined), TypeError);
      assert.deepEqual((await store.read(key))?.value, { b: 1 });
    },
  },
  {
    title: "a value that was read or written is nobody else's object",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      const written = { list: [1] };
      await store.write(key, written);
      written.list.push(2);
      const read = await store.read<typeof written>(key);
      read?.value.list.push(3);
      assert.deepEqual((await store.read(key))?.value, { list: [1] });
    },
  },
  {
    title: "commit creates only what is absent",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      assert.equal(await store.commit(key, 1, { expect: "absent", version: newVersion() }), true);
      assert.equal(await store.commit(key, 2, { expect: "absent", version: newVersion() }), false);
      assert.equal((await store.read(key))?.value, 1);
    },
  },
  {
    title: "commit changes a record of the expected version, and none of another",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      const [first, second] = [newVersion(), newVersion()];
      await store.commit(key, 1, { expect: "absent", version: first });
      assert.equal(await store.commit(key, 2, { expect: first, version: second }), true);
      assert.equal(await store.commit(key, 3, { expect: first, version: newVersion() }), false);
      assert.deepEqual(await store.read(key), { value: 2, version: second });
    },
  },
  {
    title: "commit that expects a version is refused where there is no record",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      assert.equal(await store.commit(key, 1, { expect: newVersion(), version: newVersion() }), false);
      assert.equal(await store.read(key), undefined);
    },
  },
  {
    title: "commit repeated after it succeeded succeeds and changes nothing",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      const [first, second] = [newVersion(), newVersion()];
      await store.commit(key, 1, { expect: "absent", version: first });
      assert.equal(await store.commit(key, 1, { expect: "absent", version: first }), true);
      await store.commit(key, 2, { expect: first, version: second });
      assert.equal(await store.commit(key, 2, { expect: first, version: second }), true);
      assert.deepEqual(await store.read(key), { value: 2, version: second });
    },
  },
  {
    title: "a commit is refused after a write that it did not see",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      const version = newVersion();
      await store.commit(key, 1, { expect: "absent", version });
      await store.write(key, 2);
      assert.equal(await store.commit(key, 3, { expect: version, version: newVersion() }), false);
      assert.equal((await store.read(key))?.value, 2);
    },
  },
  {
    title: "what cannot be a version is a mistake",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      for (const version of ["", "absent", "a b", "!a", "ü", "a\n", "x".repeat(33)]) {
        await assert.rejects(store.commit(key, 1, { expect: "absent", version }), TypeError);
      }
      assert.equal(await store.commit(key, 1, { expect: "absent", version: "x".repeat(32) }), true);
      assert.equal((await store.read(key))?.version, "x".repeat(32));
    },
  },
  {
    title: "50 contended increments are exactly 50, through two handles",
    async run({ store, reopen }) {
      const id = unique();
      const other = await reopen();
      await times(50, async (i) => {
        const through = i % 2 === 0 ? store : other;
        // Nobody gives up: a conflict is tried again.
        for (let done = false; !done; ) {
          done = await change(through, counters, id, (now) => ({
            value: { n: (now?.n ?? 0) + 1 },
            result: true,
          })).catch(() => false);
        }
      });
      assert.equal((await counters.read(store, id))?.value.n, 50);
      await other.close();
    },
  },
  {
    title: "50 claims of one name have one winner",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      const won = await times(50, (i) => store.commit(key, i, { expect: "absent", version: newVersion() }));
      assert.equal(won.filter(Boolean).length, 1);
      assert.equal((await store.read(key))?.value, won.indexOf(true));
    },
  },
  {
    title: "a removed record is absent, and removing it again does no harm",
    async run({ store }) {
      const [key, other] = [`contract:${unique()}`, `contract:${unique()}`] as const;
      await store.write(key, 1);
      await store.write(other, 2);
      await store.remove(key);
      await store.remove(key);
      assert.equal(await store.read(key), undefined);
      assert.equal((await store.read(other))?.value, 2);
    },
  },
  {
    title: "durable commits and removals do what the others do",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      const [first, second] = [newVersion(), newVersion()];
      assert.equal(await store.commit(key, 1, { expect: "absent", version: first, durable: true }), true);
      assert.equal(await store.commit(key, 2, { expect: "absent", version: second, durable: true }), false);
      assert.deepEqual(await store.read(key), { value: 1, version: first });
      await store.remove(key, { durable: true });
      assert.equal(await store.read(key), undefined);
    },
  },
  {
    title: "what one handle has acknowledged, another one sees at once",
    async run({ store, reopen }) {
      const key = `contract:${unique()}` as const;
      const other = await reopen();
      for (let i = 0; i < 50; i++) {
        const [writer, reader] = i % 2 === 0 ? [store, other] : [other, store];
        await reader.read(key);
        await writer.write(key, i);
        assert.equal((await reader.read(key))?.value, i);
      }
      await other.close();
    },
  },
];
