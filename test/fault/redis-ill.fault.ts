/** A Redis that hangs, is slow, full, or has become a replica: honest refusals in time, and recovery by itself. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { connectRedis } from "../../src/store/redis/open.ts";
import type { Store } from "../../src/store/store.ts";
import { patiently, startJournal } from "../support/journal.ts";
import { startProxy } from "../support/proxy.ts";
import { matrix, type RedisServer, startRedisOf, withoutRedis } from "../support/redis.ts";
import { ask } from "../support/topologies.ts";

/** Every answer, good or bad, is there by then. */
const IN_TIME = 3_000;
/** It goes on by itself so soon after the fault is over. */
const RECOVERED = 10_000;

async function timed<T>(call: () => Promise<T>): Promise<{ outcome: PromiseSettledResult<T>; ms: number }> {
  const started = performance.now();
  const [outcome] = await Promise.allSettled([call()]);
  return { outcome: outcome as PromiseSettledResult<T>, ms: performance.now() - started };
}

describe.skipIf(withoutRedis).each(matrix)("$name when it is ill", ({ program }) => {
  const start = (...args: string[]) => startRedisOf(program, ...args);
  test.each([1_000, 5_000, 30_000])(
    "F4 hangs for %i ms: no value is taken twice, no answer is late",
    async (ms) => {
      const server = await start();
      const before = descriptors();
      const stores = await Promise.all([1, 2, 3].map(() => connectRedis(server.url)));
      const first = stores[0] as Store;
      const ids = Array.from({ length: 200 }, (_, i) => i);
      for (const i of ids) await first.write(`code:${i}`, i);
      const winners = new Map<number, number>();
      const late: number[] = [];
      /** Three instances ask for each value, each with an op of its own, until somebody has it or it is gone. */
      const taking = ids.map(async (i) => {
        await Promise.all(
          stores.map(async (store, instance) => {
            const { outcome, ms: took } = await timed(() => store.take(`code:${i}`, `op${instance}`));
            if (took > IN_TIME) late.push(took);
            if (outcome.status === "fulfilled" && outcome.value !== undefined)
              winners.set(i, (winners.get(i) ?? 0) + 1);
          }),
        );
      });
      server.pause();
      await pause(ms);
      server.resume();
      await Promise.all(taking);
      // The commands that hung are carried out now, after their callers have given up; the same op finds its value.
      await patiently(() => first.ping(), 10_000);
      for (const i of ids) {
        const again = await Promise.all(
          stores.map((store, instance) => patiently(() => store.take(`code:${i}`, `op${instance}`))),
        );
        expect(again.filter((value) => value !== undefined).length).toBeLessThanOrEqual(1);
        expect(winners.get(i) ?? 0).toBeLessThanOrEqual(1);
      }
      expect(late).toEqual([]);
      for (const store of stores) await store.close();
      await vi.waitUntil(() => descriptors() <= before, { timeout: 30_000 });
      await server.stop();
    },
  );

  test("F5 is slow: an answer takes as long as its way, and past a second it is a refusal in time", async () => {
    const server = await start();
    const proxy = await startProxy(server.port);
    const store = await connectRedis(`redis://127.0.0.1:${proxy.port}`);
    await store.write("kind:a", 1);
    for (const delay of [50, 200]) {
      proxy.delay = delay;
      const calls = await Promise.all(Array.from({ length: 50 }, () => timed(() => store.read("kind:a"))));
      for (const { outcome, ms } of calls) {
        expect(outcome).toMatchObject({ status: "fulfilled", value: { value: 1 } });
        // One way for each call, and no queue behind it.
        expect(ms).toBeLessThan(delay + 500);
      }
    }
    proxy.delay = 1_500;
    for (const { outcome, ms } of await Promise.all([1, 2, 3].map(() => timed(() => store.read("kind:a"))))) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "store_unavailable" } });
      expect(ms).toBeLessThan(IN_TIME);
    }
    // A crowd waits no longer than one does, and leaves nothing behind.
    const crowd = await Promise.all(Array.from({ length: 5_000 }, () => timed(() => store.read("kind:a"))));
    expect(crowd.filter(({ outcome }) => outcome.status === "fulfilled")).toEqual([]);
    expect(Math.max(...crowd.map(({ ms }) => ms))).toBeLessThan(IN_TIME);
    proxy.delay = 0;
    await patiently(() => store.read("kind:a"), RECOVERED);
    await store.close();
    await proxy.close();
    await server.stop();
  });

  test("F6 is full: writes are refused, reads are answered, and it goes on when there is room", async () => {
    const server = await start();
    const store = await connectRedis(server.url);
    await store.write("kind:a", 1);
    await Promise.all(Array.from({ length: 20 }, (_, i) => store.write(`fill:${i}`, "x".repeat(100_000))));
    await ask(server, (client) => client.config("SET", "maxmemory", "1mb"));
    const how = { expect: "absent", version: "v", durable: true } as const;
    for (const write of [
      () => store.write("kind:b", 1),
      () => store.commit("kind:c", 1, how),
      () => store.count("kind:d", 1_000),
    ]) {
      const { outcome, ms } = await timed<unknown>(write);
      expect(outcome).toMatchObject({ status: "rejected", reason: { status: 503 } });
      expect(ms).toBeLessThan(IN_TIME);
    }
    expect(await store.read("kind:a")).toMatchObject({ value: 1 });
    await ask(server, (client) => client.config("SET", "maxmemory", "0"));
    expect(await store.commit("kind:c", 1, how)).toBe(true);
    await store.close();
    await server.stop();
  });

  test("F8 becomes a replica under load: nothing is acknowledged there, and it goes on as a master", async () => {
    const server = await start();
    const other = await start("--replicaof", `127.0.0.1 ${server.port}`);
    const store = await connectRedis(server.url, { durability: "replica" });
    await patiently(() => store.commit("kind:first", 1, { expect: "absent", version: "v", durable: true }));
    const journal = startJournal(store, 16);
    await journal.more(300);
    await ask(other, (client) => client.replicaof("NO", "ONE"));
    await ask(server, (client) => client.replicaof("127.0.0.1", String(other.port)));
    await vi.waitUntil(() => isReplica(server), { timeout: 10_000 });
    const before = journal.length;
    const { outcome } = await timed(() => store.write("kind:a", 1));
    expect(outcome).toMatchObject({ status: "rejected", reason: { status: 503 } });
    expect(journal.length).toBe(before);
    await ask(server, (client) => client.replicaof("NO", "ONE"));
    await ask(other, (client) => client.replicaof("127.0.0.1", String(server.port)));
    await journal.more(100, 15_000);
    await journal.stop();
    expect(await journal.lost(store)).toEqual([]);
    await store.close();
    await other.stop();
    await server.stop();
  });

  test.each(["always", "everysec"])(
    "F12 has a full disk (appendfsync %s): nothing more is acknowledged, and it goes on when there is room",
    async (fsync) => {
      const disk = smallDisk();
      const server = await start("--dir", disk.path, "--appendfsync", fsync);
      const store = await connectRedis(server.url, { durability: "configured" });
      const journal = startJournal(store, 8);
      await journal.more(100);
      disk.fill();
      await patiently(async () => {
        // Redis ends itself where it cannot keep its word, or says MISCONF.
        const { outcome, ms } = await timed(() => store.write("kind:a", "x".repeat(10_000)));
        expect(ms).toBeLessThan(IN_TIME);
        expect(outcome).toMatchObject({ status: "rejected", reason: { status: 503 } });
      });
      if (fsync === "everysec") expect(await store.read("journal:0-0")).toMatchObject({ value: 0 });
      disk.free();
      // It ends itself where it would break its word, and is started by whoever looks after it; otherwise it goes on.
      if (fsync === "always") {
        await server.kill();
        await server.start();
      }
      await journal.more(50, IN_TIME + RECOVERED);
      await journal.stop();
      const lost = await journal.lost(store);
      if (fsync === "always") expect(lost).toEqual([]);
      await store.close();
      await server.stop();
      disk.remove();
    },
  );
});

/** How many files and connections this process has open. */
const descriptors = () => readdirSync("/proc/self/fd").length;

async function isReplica(server: RedisServer): Promise<boolean> {
  return ask(server, async (client) => /master_link_status:up/.test(await client.info("replication")));
}

/** A disk of its own with a few MiB, which can be filled. */
function smallDisk() {
  const path = mkdtempSync(join(tmpdir(), "latchkey-disk-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", path], { encoding: "utf8" });
  if (mounted.status !== 0) throw new Error(`F12 needs the right to mount: ${mounted.stderr}`);
  const filler = join(path, "filler");
  return {
    path,
    fill() {
      try {
        writeFileSync(filler, Buffer.alloc(8 * 1024 * 1024));
      } catch {
        // That is what was wanted.
      }
    },
    free: () => rmSync(filler, { force: true }),
    remove() {
      spawnSync("umount", [path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}
