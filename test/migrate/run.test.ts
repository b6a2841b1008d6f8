import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { accountRecord } from "../../src/account/account.ts";
import { systemClock } from "../../src/clock.ts";
import { refuse } from "../../src/errors.ts";
import { readLedger, requireKnown } from "../../src/migrate/ledger.ts";
import { countOld, migrateUp } from "../../src/migrate/run.ts";
import { takeLease } from "../../src/store/lease.ts";
import type { Store } from "../../src/store/store.ts";
import { operator } from "../command/operator.ts";
import { SECRET, startInstallation } from "../support/installation.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { forgetLedger, keyOf, notMigrated, oldAccount, writeOld } from "./people.ts";

const ID = "0001_passkey_added_by";

describe.each(stores)("a migration on $name", ({ open }) => {
  let opened: OpenStore;
  let store: Store;
  beforeEach(async () => {
    opened = await open();
    store = opened.store;
  });
  afterEach(() => opened.close());
  const up = (more: Partial<Parameters<typeof migrateUp>[0]> = {}) =>
    migrateUp({ store, clock: systemClock, ...more });

  test("brings every record to the newest schema, and ends with a pass that finds nothing", async () => {
    await writeOld(store, 1200);
    expect(await countOld(store)).toEqual({ [ID]: { seen: 1200, old: 1200 } });
    const entries = await up();
    expect(entries[ID]).toMatchObject({ state: "done", pass: 2, changed: 1200, left: 0, seen: 1200 });
    expect(await notMigrated(store, 1200)).toEqual([]);
    expect(await countOld(store)).toEqual({ [ID]: { seen: 1200, old: 0 } });
  });

  test("run again it does nothing", async () => {
    await writeOld(store, 10);
    await up();
    const before = await store.read(keyOf(3));
    const again = await up();
    expect(again[ID]).toMatchObject({ state: "done", changed: 10 });
    expect(await store.read(keyOf(3))).toEqual(before);
  });

  test("that is stopped goes on where it was, and one that was lost begins its pass anew", async () => {
    await writeOld(store, 2500);
    let batches = 0;
    await up({ isStopped: () => ++batches > 2 });
    const halfway = (await readLedger(store)).entries[ID];
    expect(halfway).toMatchObject({ state: "running", pass: 1, cursor: expect.any(String) });
    expect(halfway?.changed).toBeLessThan(2500);
    expect(halfway?.changed).toBeGreaterThan(0);
    expect((await up())[ID]).toMatchObject({ state: "done", changed: 2500 });
    expect(await notMigrated(store, 2500)).toEqual([]);
  });

  test("waits for a store that is away in its midst, and says so of one that stays away", async () => {
    await writeOld(store, 1200);
    let away = 0;
    // Now and then a commit finds the store away.
    const commit: Store["commit"] = async (key, ...how) => {
      if (key.startsWith("account:old-") && ++away % 700 === 699) throw refuse("store_unavailable");
      return store.commit(key, ...how);
    };
    const failing = new Proxy(store, {
      get(target, name) {
        const member = Reflect.get(target, name);
        if (name === "commit") return commit;
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
    const entries = await up({ store: failing });
    expect(away).toBeGreaterThan(1200);
    expect(entries[ID]).toMatchObject({ state: "done", left: 0 });
    expect(await notMigrated(store, 1200)).toEqual([]);

    await forgetLedger(store);
    await writeOld(store, 700);
    const gone = up({ store: failing, patience: 0 });
    await expect(gone).rejects.toMatchObject({ code: "store_unavailable" });
  });

  test("loses to a sign-in of the same moment, and comes back to that record", async () => {
    await writeOld(store, 700);
    let rivals = 0;
    // Between the reading of a record and its commit somebody signs in, in the way of an older version.
    const racing: Store = Object.assign(Object.create(store), {
      driver: store.driver,
      commit: async (...args: Parameters<Store["commit"]>) => {
        if (args[0] === keyOf(5) && rivals++ === 0)
          await store.write(keyOf(5), { ...oldAccount(5), name: "Rival" });
        return store.commit(...args);
      },
      read: store.read.bind(store),
      scan: store.scan.bind(store),
    });
    const entries = await migrateUp({ store: racing, clock: systemClock });
    expect(entries[ID]).toMatchObject({ state: "done", pass: 3, changed: 700 });
    expect(await notMigrated(store, 700)).toEqual([]);
    expect((await store.read(keyOf(5)))?.value).toMatchObject({ name: "Rival" });
  });

  test("leaves a pending account to expire", async () => {
    await store.write(keyOf(0), { ...oldAccount(0), state: "pending" }, { ttl: 60_000 });
    const before = await store.read(keyOf(0));
    expect((await up())[ID]).toMatchObject({ state: "done", changed: 0 });
    expect(await store.read(keyOf(0))).toEqual(before);
  });

  test("has one runner at a time; one that slept through its lease stops", async () => {
    await writeOld(store, 1500);
    const other = await takeLease(store, "migrate", 60_000, "somebody else");
    await expect(up()).rejects.toMatchObject({ code: "store_conflict" });
    await other.release();

    // It sleeps before its second batch: its lease expires, another run takes over and goes on.
    const sleepy: Store = Object.assign(Object.create(store), {
      read: store.read.bind(store),
      commit: store.commit.bind(store),
      async *scan(kind: string, from?: string) {
        let [batches, asked] = [0, 0];
        for await (const batch of store.scan(kind, from)) {
          if (batches++ === 1) {
            await store.remove("lock:migrate");
            await up({ isStopped: () => asked++ > 0 });
          }
          yield batch;
        }
      },
    });
    await expect(migrateUp({ store: sleepy, clock: systemClock })).rejects.toMatchObject({
      code: "store_conflict",
    });
    expect((await up())[ID]).toMatchObject({ state: "done" });
    expect(await notMigrated(store, 1500)).toEqual([]);
  });

  test("keeps below the rate that it is given", async () => {
    await writeOld(store, 600);
    const started = performance.now();
    await up({ rate: 2000 });
    // Two passes of 600 records at 2000 a second.
    expect(performance.now() - started).toBeGreaterThan(400);
  });

  test("old records are read through it at once, and written in the newest schema", async () => {
    await writeOld(store, 1);
    const read = await accountRecord.read(store, "old-0");
    expect(read?.value.passkeys[0]).toMatchObject({ addedBy: "sign_up", counter: 0 });
    expect(accountRecord.encode(read?.value as never)).toMatchObject({ schema: 2, reader: 1 });
  });

  test("data that a newer version has migrated is refused, unless it says that ours may go on", () => {
    const entry = {
      kind: "account",
      state: "done",
      by: "x",
      pass: 1,
      seen: 0,
      left: 0,
      changed: 0,
      started: 0,
    };
    const newer = (reader: number) => ({
      entries: { "0099_newer": { ...entry, state: "done" as const, schema: 99, reader } },
    });
    expect(() => requireKnown(newer(99))).toThrow("0099_newer");
    expect(() => requireKnown(newer(2))).not.toThrow();
  });
});

describe.each(stores)("a start on $name with old data", (kind) => {
  test("a new store has nothing pending; old data is migrated or announced, and read all the while", async () => {
    const running = await startInstallation(kind);
    const { store } = running.store;
    const told = () => running.log.filter((line) => /migrat/.test(line));
    try {
      expect(told()).toEqual([]);
      await writeOld(store, 800);
      await forgetLedger(store);
      await running.restart();
      expect((await running.installation.accounts.find("old-7"))?.value.passkeys[0]?.addedBy).toBe("sign_up");
      await vi.waitUntil(() => told().length > 0, { timeout: 20_000 });
      if (kind.name === "lmdb") {
        expect(told()[0]).toContain("the data was migrated");
        expect(await notMigrated(store, 800)).toEqual([]);
      } else {
        expect(told()[0]).toContain("latchkey migrate up");
        expect(await notMigrated(store, 800)).toHaveLength(800);
      }
    } finally {
      await running.stop();
    }
  });
});

describe.each(stores)("the doctor on $name", ({ open }) => {
  test("names what is pending, as a warning, until it is done", async () => {
    const opened = await open();
    const admin = operator({ LATCHKEY_STORE: opened.url, LATCHKEY_SECRET: SECRET });
    const doctor = async () => {
      const { code, json } = await admin.run("doctor", "--json");
      const { ok, checks } = json() as { ok: boolean; checks: { name: string }[] };
      return { code, ok, check: checks.find(({ name }) => name === "migrations") };
    };
    const well = { name: "migrations", ok: true, message: "no migration is pending", remedy: null };
    try {
      await admin.run("setup");
      expect(await doctor()).toMatchObject({ code: 0, ok: true, check: well });
      await writeOld(opened.store, 3);
      await forgetLedger(opened.store);
      expect(await doctor()).toMatchObject({
        ...{ code: 0, ok: true },
        check: {
          ...{ ok: false, level: "warning", message: expect.stringContaining(ID) },
          remedy: "Run: npx latchkey migrate up",
        },
      });
      expect(await notMigrated(opened.store, 3)).toHaveLength(3);
      expect((await admin.run("migrate", "up")).code).toBe(0);
      expect(await doctor()).toMatchObject({ code: 0, ok: true, check: well });
    } finally {
      admin.remove();
      await opened.close();
    }
  });
});
