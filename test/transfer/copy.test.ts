import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { accountRecord } from "../../src/account/account.ts";
import { systemClock } from "../../src/clock.ts";
import { openPlace, shelfOf } from "../../src/command/store/places.ts";
import type { Terminal } from "../../src/command/terminal.ts";
import { behindGate, gateOf } from "../../src/store/gate.ts";
import { takeLease } from "../../src/store/lease.ts";
import { newVersion } from "../../src/store/record.ts";
import { type CopyOptions, copyStore, type Place } from "../../src/transfer/copy.ts";
import { operator } from "../command/operator.ts";
import { SECRET, startInstallation } from "../support/installation.ts";
import { startRedis } from "../support/redis.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { furnish, openAt, passkey } from "./house.ts";
import { logical } from "./logical.ts";

const ways = stores.flatMap((from) => stores.map((to) => ({ from, to })));

describe.each(ways)("a copy from $from.name to $to.name", ({ from, to }) => {
  let source: OpenStore;
  let target: OpenStore;
  beforeEach(async () => {
    [source, target] = await Promise.all([from.open(), to.open()]);
  });
  afterEach(() => Promise.all([source.close(), target.close()]));
  const place = async ({ store, url }: OpenStore): Promise<Place> => ({
    store,
    name: url,
    shelf: await shelfOf(store, url),
  });
  const copy = async (options: Partial<CopyOptions> = {}, [a, b] = [source, target]) =>
    copyStore({
      from: await place(a),
      to: await place(b),
      clock: systemClock,
      settle: 0,
      mayMove: async () => true,
      ...options,
    });

  test("F24 has all of it, byte for byte, and back again", async () => {
    const house = await openAt(source.url);
    await furnish(house);
    const { meta } = house;
    await house.close();
    const before = await logical(source.store);
    const report = await copy();
    expect(report).toMatchObject({ moved: true });
    expect(await logical(target.store)).toEqual(before);
    const there = await openAt(target.url);
    expect(there.meta.id).toBe(meta.id);
    await expect(openAt(source.url)).rejects.toThrow("has moved");
    // Life goes on there, and some of it ends.
    const jim = await there.accounts.create({ username: "jim", passkey: passkey("jim") });
    await there.store.remove("session:one");
    await there.store.leave("groups:all", "staff");
    await there.close();

    const after = await logical(target.store);
    expect(await copy({}, [target, source])).toMatchObject({ moved: true });
    expect(await logical(source.store)).toEqual(after);
    const home = await openAt(source.url);
    expect((await home.accounts.findByLogin("jim"))?.value.id).toBe(jim.id);
    await home.close();
    await expect(openAt(target.url)).rejects.toThrow("has moved");
  });

  test("what changes and goes while it is copied is right in the end", async () => {
    const house = await openAt(source.url);
    const people = await furnish(house);
    await copy({
      async mayMove() {
        await house.accounts.disable(people[1]?.id ?? "");
        await house.store.remove("session:one");
        await house.store.leave("groups:all", "staff");
        await house.store.take("client:wiki", "op");
        await house.accounts.create({ username: "late", passkey: passkey("late") });
        return true;
      },
    });
    await house.close();
    expect(await logical(target.store)).toEqual(await logical(source.store));
    expect(
      (await target.store.read<{ state: string }>(accountRecord.key(people[1]?.id ?? "")))?.value.state,
    ).toBe("disabled");
  });

  test("without the move nobody notices; until it nobody serves from the target", async () => {
    const house = await openAt(source.url);
    await furnish(house);
    expect(await copy({ mayMove: async () => false })).toMatchObject({ moved: false });
    await house.store.write("other:a", 1);
    expect(await target.store.read("meta:store")).toBeUndefined();
    expect(await copy()).toMatchObject({ moved: true });
    expect((await target.store.read("other:a"))?.value).toBe(1);
    await house.close();
  });

  test("into a store that is in use, or from one that has moved, it is refused", async () => {
    const house = await openAt(source.url);
    await house.close();
    const other = await openAt(target.url);
    await other.close();
    await expect(copy()).rejects.toThrow("in use");
    await target.store.remove("meta:store");
    await expect(copy()).rejects.toThrow("something else");
    const third = await to.open();
    try {
      expect(await copy({}, [source, third])).toMatchObject({ moved: true });
      await expect(copy({}, [source, third])).rejects.toThrow("moved");
    } finally {
      await third.close();
    }
  });

  test("one that ended between the two last steps is finished by the next", async () => {
    const house = await openAt(source.url);
    await furnish(house);
    const { id } = house.meta;
    await house.close();
    await copy({ mayMove: async () => false });
    const meta = await source.store.read<object>("meta:store");
    await source.store.write("meta:store", { ...meta?.value, moved: { to: target.url, at: 1 } });
    expect(await copy({ mayMove: async () => false })).toMatchObject({ moved: true });
    expect((await target.store.read<{ id: string }>("meta:store"))?.value.id).toBe(id);
  });
});

describe.each(stores)("writes to $name", ({ open }) => {
  test("stop while it is moved, wherever they come from, and go on when that was given up", async () => {
    const opened = await open();
    try {
      const house = await openAt(opened.url);
      await house.store.write("a:a", 1);
      const lease = await takeLease(opened.store, "switch", 60_000, "moving");
      await house.stillOurs();
      for (const write of [
        () => house.store.write("a:a", 2),
        () => house.store.commit("a:b", 2, { expect: "absent", version: newVersion() }),
        () => house.store.take("a:a", "op"),
        () => house.store.remove("a:a"),
        () => house.store.join("a:a", "m"),
        () => house.accounts.create({ username: "jane", passkey: passkey("jane") }),
      ])
        await expect(write()).rejects.toMatchObject({ code: "store_unavailable", status: 503 });
      expect((await house.store.read("a:a"))?.value).toBe(1);
      await lease.release();
      await house.stillOurs();
      await house.store.write("a:a", 2);
      await house.close();
    } finally {
      await opened.close();
    }
  });

  test("who has slept looks before it writes", async () => {
    const opened = await open();
    try {
      const answers = [true, false];
      const gate = gateOf(async () => answers.shift() ?? false);
      const store = behindGate(opened.store, gate);
      await store.write("a:a", 1);
      expect(await gate.look()).toBe(true);
      expect(await gate.look()).toBe(false);
      await expect(store.write("a:a", 2)).rejects.toMatchObject({ code: "store_unavailable" });
    } finally {
      await opened.close();
    }
  });
});

const [lmdb, other = lmdb] = stores;

test.runIf(lmdb !== undefined)(
  "a running server answers 503 after its store has moved, and not before",
  async () => {
    if (!lmdb || !other) throw new Error("no store");
    const target = await other.open();
    const running = await startInstallation(lmdb);
    const admin = operator({ LATCHKEY_SECRET: SECRET });
    try {
      const status = async () => (await fetch(`${running.issuer}/.well-known/openid-configuration`)).status;
      const named = [running.store.url, target.url];
      const only = await admin.run("store", "copy", ...named, "--no-switch", "--json");
      expect(only.json()).toMatchObject({ moved: false });
      expect(await status()).toBe(200);
      expect((await admin.run("store", "copy", ...named)).code).toBe(2);
      const moved = await admin.run("store", "copy", ...named, "--yes", "--json");
      expect(moved.code, moved.err).toBe(0);
      expect(moved.json()).toMatchObject({ moved: true, from: running.store.url, to: target.url });
      expect(await status()).toBe(503);
      const said = () => running.log.map((line) => JSON.parse(line) as { msg: string; to?: string });
      await expect
        .poll(() => said().find(({ msg }) => msg.includes("has moved")), { timeout: 30_000 })
        .toMatchObject({ msg: expect.stringContaining("set LATCHKEY_STORE"), to: target.url });
      const there = await openAt(target.url);
      expect(there.meta.id).toBe(running.installation.meta.id);
      await there.close();
      expect((await admin.run("store", "copy", ...named, "--yes")).code).toBe(2);
      expect(existsSync(admin.cwd)).toBe(true);
    } finally {
      admin.remove();
      await running.stop();
      await target.close();
    }
  },
);

test.runIf(lmdb !== undefined && other !== lmdb)(
  "one Redis that keeps nothing on its disk can be left, and be moved to as it can be served from, with a warning",
  async () => {
    if (!lmdb) throw new Error("no store");
    const server = await startRedis("--appendonly", "no");
    const [embedded, empty] = await Promise.all([lmdb.open(), lmdb.open()]);
    const said: string[] = [];
    const terminal = {
      env: {},
      cwd: "/",
      err: (text: string) => void said.push(text),
    } as unknown as Terminal;
    const copy = async (...[a, b]: [string, string]) => {
      const from = await openPlace({ terminal, outcome: { code: 0 } }, a);
      const to = await openPlace({ terminal, outcome: { code: 0 } }, b);
      const copied = copyStore({ from, to, clock: systemClock, settle: 0, mayMove: async () => true });
      return copied.finally(() => Promise.all([from.store.close(), to.store.close()]));
    };
    try {
      const weak = `${server.url}?prefix=weak:`;
      for (const url of [embedded.url, weak]) {
        const house = await openAt(url);
        await furnish(house);
        await house.close();
      }
      expect(await copy(embedded.url, server.url)).toMatchObject({ moved: true });
      expect(said).toEqual([expect.stringContaining("Set appendonly to yes")]);
      expect(await copy(weak, empty.url)).toMatchObject({ moved: true });
      await (await openAt(empty.url)).close();
    } finally {
      await Promise.all([server.stop(), embedded.close(), empty.close()]);
    }
  },
);
