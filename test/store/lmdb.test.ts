import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lmdbStore } from "../../src/store/lmdb.ts";
import type { Store } from "../../src/store/store.ts";
import { collect, entries } from "../../src/testing/contract/check.ts";

const HOUR = 3_600_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "latchkey-lmdb-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function mode(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

describe("the folder of an embedded store", () => {
  test("is made for its owner only, dots in its name or not", async () => {
    const path = join(folder, "deep", "my.data");
    const store = lmdbStore(path);
    await store.write("kind:a", 1);
    expect(await mode(path)).toBe("700");
    expect(await mode(join(path, "data.mdb"))).toBe("600");
    expect(await mode(join(path, "lock.mdb"))).toBe("600");
    await store.close();
  });

  test("may be open to others already; what is in it is not", async () => {
    await chmod(folder, 0o755);
    const store = lmdbStore(folder);
    expect(await mode(folder)).toBe("755");
    expect(await mode(join(folder, "data.mdb"))).toBe("600");
    await store.close();
  });

  test("is refused when it is a file, or holds something else", async () => {
    const file = join(folder, "file");
    await writeFile(file, "");
    expect(() => lmdbStore(file)).toThrow(expect.objectContaining({ code: "store_refused" }));
    const foreign = join(folder, "foreign");
    await mkdir(foreign);
    await writeFile(join(foreign, "data.mdb"), "not a database ".repeat(1000));
    expect(() => lmdbStore(foreign)).toThrow(expect.objectContaining({ code: "store_refused" }));
  });
});

describe("an embedded store", () => {
  let now: number;
  let store: Store;
  beforeEach(() => {
    now = 1_800_000_000_000;
    store = lmdbStore(folder, { clock: { now: () => now } });
  });
  afterEach(() => store.close());

  test("keeps what was written while it was being closed", async () => {
    const writes = Array.from({ length: 50 }, (_, i) => store.write(`kind:${i}`, i));
    await store.close();
    await Promise.all(writes);
    const again = lmdbStore(folder);
    expect((await entries(again.scan("kind"))).size).toBe(50);
    await again.close();
  });

  test("sweeps what expired, once, and says how much that was", async () => {
    for (let i = 0; i < 1200; i++) void store.write(`kind:${i}`, i, { ttl: HOUR });
    await store.write("kind:prolonged", 1, { ttl: HOUR });
    await store.write("kind:prolonged", 2, { ttl: 3 * HOUR });
    await store.write("kind:kept", 3);
    await store.count("kind:counter", HOUR);
    await store.join("kind:set", "member", HOUR);
    expect(await store.sweep()).toBe(0);
    now += 2 * HOUR;
    expect(await store.sweep()).toBe(1202);
    expect(await store.sweep()).toBe(0);
    expect(await entries(store.scan("kind"))).toEqual(
      new Map([
        ["kind:kept", 3],
        ["kind:prolonged", 2],
      ]),
    );
  });

  test("sweeps along with its writes, so that it stays small without a sweeper", async () => {
    for (let i = 0; i < 300; i++) await store.write(`old:${i}`, i, { ttl: HOUR });
    now += 2 * HOUR;
    for (let i = 0; i < 320; i++) await store.write(`new:${i}`, i);
    expect(await store.sweep()).toBe(0);
    expect((await entries(store.scan("new"))).size).toBe(320);
  });

  test("treats what expired as absent before it is swept", async () => {
    await store.write("kind:a", 1, { ttl: HOUR });
    await store.join("kind:set", "a", HOUR);
    expect(await store.count("kind:count", HOUR)).toBe(1);
    now += HOUR - 1;
    expect(await store.read("kind:a")).toMatchObject({ value: 1 });
    expect(await store.members("kind:set")).toEqual(["a"]);
    expect(await store.count("kind:count", HOUR)).toBe(2);
    now += 1;
    expect(await store.read("kind:a")).toBeUndefined();
    expect(await store.take("kind:a", "op")).toBeUndefined();
    expect(await entries(store.scan("kind"))).toEqual(new Map());
    expect(await store.members("kind:set")).toEqual([]);
    expect(await store.count("kind:count", HOUR)).toBe(1);
    expect(await store.commit("kind:a", 2, { expect: "absent", version: "v" })).toBe(true);
  });

  test("keeps a taken value for its taker for a minute", async () => {
    await store.write("code:a", 1);
    expect(await store.take("code:a", "op")).toBe(1);
    now += 59_999;
    expect(await store.take("code:a", "op")).toBe(1);
    now += 1;
    expect(await store.take("code:a", "op")).toBeUndefined();
  });

  test("F18 keeps the order of a log when the clock jumps back", async () => {
    const subjects = ["0", "1", "2", "3"];
    for (const subject of subjects) {
      await store.append("log:a", { id: subject, type: "account.created", at: now, subject }, subject);
      now -= HOUR;
    }
    const told = await collect(store.tail("log:a"));
    expect(told.map(({ event }) => event.subject)).toEqual(subjects);
  });
});
