/** Time to live: relative, by the store's clock. */
import assert from "node:assert/strict";
import { newVersion } from "../../store/record.ts";
import type { Store } from "../../store/store.ts";
import { type Check, entries, unique, until } from "./check.ts";

/** Long enough to be seen alive, short enough to be waited for. */
const SHORT = 60;

/** Writes a record, and comes back when one with twice its time has gone. */
async function outlive(store: Store): Promise<void> {
  const key = `contract:${unique()}` as const;
  await store.write(key, 1, { ttl: 2 * SHORT });
  await until(async () => (await store.read(key)) === undefined);
}

export const expiry: Check[] = [
  {
    title: "a record is there for its time and gone after it; one without a time stays",
    async run({ store }) {
      const [key, kept] = [`contract:${unique()}`, `contract:${unique()}`] as const;
      await store.write(kept, 2);
      await store.write(key, 1, { ttl: 60_000 });
      assert.equal((await store.read(key))?.value, 1);
      await store.write(key, 1, { ttl: SHORT });
      await until(async () => (await store.read(key)) === undefined);
      assert.equal((await store.read(kept))?.value, 2);
    },
  },
  {
    title: "an expired record counts as absent for commit, take and scan",
    async run({ store }) {
      const kind = `contract${unique()}`;
      const [key, version] = [`${kind}:a`, newVersion()] as const;
      await store.commit(key, 1, { expect: "absent", version, ttl: SHORT });
      await until(async () => (await store.read(key)) === undefined);
      assert.equal(await store.take(key, "op"), undefined);
      assert.deepEqual(await entries(store.scan(kind)), new Map());
      assert.equal(await store.commit(key, 2, { expect: version, version: newVersion() }), false);
      assert.equal(await store.commit(key, 3, { expect: "absent", version: newVersion() }), true);
      assert.equal((await store.read(key))?.value, 3);
    },
  },
  {
    title: "writing or committing without a time takes an earlier time away",
    async run({ store }) {
      const [written, committed] = [`contract:${unique()}`, `contract:${unique()}`] as const;
      const version = newVersion();
      await store.write(written, 1, { ttl: SHORT });
      await store.commit(committed, 1, { expect: "absent", version, ttl: SHORT });
      await store.write(written, 2);
      // A slow machine may have let the time pass; then the record is made anew.
      const changed = await store.commit(committed, 2, { expect: version, version: newVersion() });
      if (!changed) await store.commit(committed, 2, { expect: "absent", version: newVersion() });
      await outlive(store);
      await store.sweep();
      assert.equal((await store.read(written))?.value, 2);
      assert.equal((await store.read(committed))?.value, 2);
    },
  },
  {
    title: "a record can be given more time",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      await store.write(key, 1, { ttl: SHORT });
      await store.write(key, 2, { ttl: 60_000 });
      await outlive(store);
      await store.sweep();
      assert.equal((await store.read(key))?.value, 2);
    },
  },
  {
    title: "a record with no time left is gone, and fractions of a millisecond are no mistake",
    async run({ store }) {
      for (const ttl of [0, -1, -1e15, 0.25, 1.5]) {
        const key = `contract:${unique()}` as const;
        await store.write(key, 1, { ttl });
        await until(async () => (await store.read(key)) === undefined);
      }
    },
  },
  {
    title: "a time that is no number is a mistake",
    async run({ store }) {
      const key = `contract:${unique()}` as const;
      for (const ttl of [Number.NaN, Number.POSITIVE_INFINITY, 1e300, "60" as unknown as number]) {
        await assert.rejects(store.write(key, 1, { ttl }), TypeError);
        await assert.rejects(
          store.commit(key, 1, { expect: "absent", version: newVersion(), ttl }),
          TypeError,
        );
        await assert.rejects(store.count(key, ttl), TypeError);
        await assert.rejects(store.join(key, "member", ttl), TypeError);
      }
      assert.equal(await store.read(key), undefined);
    },
  },
  {
    title: "a sweep takes nothing that lives",
    async run({ store }) {
      const kind = `contract${unique()}`;
      await store.write(`${kind}:gone`, 1, { ttl: SHORT });
      await store.write(`${kind}:later`, 2, { ttl: 60_000 });
      await store.write(`${kind}:kept`, 3);
      await store.join(`${kind}:set`, "member", 60_000);
      await until(async () => (await store.read(`${kind}:gone`)) === undefined);
      await store.sweep();
      const expected = new Map(Object.entries({ [`${kind}:kept`]: 3, [`${kind}:later`]: 2 }));
      assert.deepEqual(await entries(store.scan(kind)), expected);
      assert.deepEqual(await store.members(`${kind}:set`), ["member"]);
    },
  },
];
