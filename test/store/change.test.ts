import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { refuse } from "../../src/errors.ts";
import { change } from "../../src/store/change.ts";
import { fingerprint, newVersion, recordKind } from "../../src/store/record.ts";
import { connectRedis } from "../../src/store/redis/open.ts";
import { startRedis, withoutRedis } from "../support/redis.ts";
import { type OpenStore, stores } from "../support/stores.ts";

const [lmdb] = stores;
let opened: OpenStore;
beforeAll(async () => {
  opened = await lmdb!.open();
});
afterAll(() => opened.close());

describe("change", () => {
  const notes = recordKind<{ text: string }>("note");

  test("creates, changes, and gives the result of the decision that was committed", async () => {
    const append = (more: string) =>
      change(opened.store, notes, "a", (now) => {
        const text = (now?.text ?? "") + more;
        return { value: { text }, result: text.length };
      });
    expect(await append("one")).toBe(3);
    expect(await append("two")).toBe(6);
    expect((await notes.read(opened.store, "a"))?.value).toEqual({ text: "onetwo" });
  });

  test("writes nothing when the decision is to leave the record alone, or refuses", async () => {
    await change(opened.store, notes, "b", () => ({ value: { text: "kept" }, result: 0 }));
    const before = await notes.read(opened.store, "b");
    expect(await change(opened.store, notes, "b", () => ({ value: undefined, result: "seen" }))).toBe("seen");
    const refused = change(opened.store, notes, "b", () => {
      throw refuse("last_way_in");
    });
    await expect(refused).rejects.toMatchObject({ code: "last_way_in" });
    expect(await notes.read(opened.store, "b")).toEqual(before);
  });

  test("gives what it leaves alone once that is kept, where that is asked for", async () => {
    await change(opened.store, notes, "settled", () => ({ value: { text: "kept" }, result: 0 }));
    const before = await notes.read(opened.store, "settled");
    const commits: object[] = [];
    const watched = Object.assign(Object.create(opened.store), {
      read: opened.store.read.bind(opened.store),
      commit: (...args: Parameters<typeof opened.store.commit>) => {
        commits.push(args[2]);
        return opened.store.commit(...args);
      },
    }) as typeof opened.store;
    const leave = (now: { text: string } | undefined) => ({ value: undefined, result: now?.text });
    expect(await change(watched, notes, "settled", leave, { durable: true })).toBe("kept");
    expect(commits).toEqual([]);
    const how = { durable: true, isSettled: true };
    expect(await change(watched, notes, "settled", leave, how)).toBe("kept");
    expect(commits).toEqual([{ expect: before?.version, version: before?.version, durable: true }]);
    expect(await notes.read(opened.store, "settled")).toEqual(before);
    expect(await change(watched, notes, "nobody", leave, how)).toBeUndefined();
  });

  test.skipIf(withoutRedis)("does not give it where it may be lost", async () => {
    const server = await startRedis("--appendonly", "no");
    const store = await connectRedis(server.url);
    await store.write("note:a", notes.encode({ text: "weak" }));
    const leave = () => ({ value: undefined, result: "done" });
    const refused = { code: "store_not_durable" };
    const settled = change(store, notes, "a", leave, { durable: true, isSettled: true });
    await expect(settled).rejects.toMatchObject(refused);
    expect(await change(store, notes, "a", leave)).toBe("done");
    await store.close();
    await server.stop();
  });

  test("decides again on what somebody faster wrote", async () => {
    await change(opened.store, notes, "c", () => ({ value: { text: "first" }, result: 0 }));
    const seen: (string | undefined)[] = [];
    const rival = { ...opened.store, read: opened.store.read.bind(opened.store) };
    rival.commit = async (key, value, how) => {
      if (seen.length === 1) await opened.store.write(key, { text: "rival", schema: 1 });
      return opened.store.commit(key, value, how);
    };
    await change(rival, notes, "c", (now) => {
      seen.push(now?.text);
      return { value: { text: `${now?.text}!` }, result: 0 };
    });
    expect(seen).toEqual(["first", "rival"]);
    expect((await notes.read(opened.store, "c"))?.value).toEqual({ text: "rival!" });
  });

  test("gives up with store_conflict on a record that never stands still", async () => {
    const restless = {
      ...opened.store,
      read: opened.store.read.bind(opened.store),
      commit: async () => false,
    };
    const changing = change(restless, notes, "d", () => ({ value: { text: "" }, result: 0 }));
    await expect(changing).rejects.toMatchObject({ code: "store_conflict", status: 503 });
  });
});

describe("a kind of record", () => {
  const people = recordKind<{ full: string; old: boolean }>("person", [
    ({ name, ...rest }) => ({ ...rest, full: name }),
    (record) => ({ ...record, old: false }),
  ]);

  test("reads an old record through every step since its schema", async () => {
    await opened.store.write("person:a", { name: "Ada", schema: 1 });
    await opened.store.write("person:b", { full: "Bob", schema: 2 });
    await opened.store.write("person:c", people.encode({ full: "Cleo", old: true }));
    expect((await people.read(opened.store, "a"))?.value).toEqual({ full: "Ada", old: false });
    expect((await people.read(opened.store, "b"))?.value).toEqual({ full: "Bob", old: false });
    expect((await people.read(opened.store, "c"))?.value).toEqual({ full: "Cleo", old: true });
    expect(await people.read(opened.store, "none")).toBeUndefined();
  });

  test("refuses a record that is newer than the code", async () => {
    await opened.store.write("person:d", { full: "Dora", schema: 4 });
    await expect(people.read(opened.store, "d")).rejects.toMatchObject({ code: "store_refused" });
  });
});

test("versions are never the same twice, and a fingerprint tells nothing of the secret", () => {
  const versions = Array.from({ length: 1000 }, newVersion);
  expect(new Set(versions).size).toBe(1000);
  for (const version of versions) expect(version).toMatch(/^[\w-]{16}$/);
  expect(fingerprint("secret")).toMatch(/^[\w-]{43}$/);
  expect(fingerprint("secret")).not.toBe(fingerprint("secres"));
});
