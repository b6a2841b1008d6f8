/** Durable writes that are waited for: `WAITAOF` where it is believed, and what is done instead where it is not. */
import { Redis } from "ioredis";
import { describe, expect, test, vi } from "vitest";
import { inspectStore } from "../../../src/store/connect.ts";
import { newVersion } from "../../../src/store/record.ts";
import { type Confirmation, DurableWrites } from "../../../src/store/redis/durable.ts";
import { connectRedis, type RedisConnectOptions } from "../../../src/store/redis/open.ts";
import * as scripts from "../../../src/store/redis/scripts.ts";
import { checkRedis } from "../../../src/store/redis.ts";
import { startProxy } from "../../support/proxy.ts";
import {
  BINARY,
  newerServers,
  type RedisServer,
  startRedisOf,
  waitedFor,
  withoutRedis,
} from "../../support/redis.ts";
import { ask } from "../../support/topologies.ts";

const absent = () => ({ expect: "absent", version: newVersion(), durable: true }) as const;
const WAITED = "waited for until it is on the disk";
const set = (server: RedisServer, name: string, value: string) =>
  ask(server, (client) => client.config("SET", name, value));
const calls = (server: RedisServer, command: string) =>
  ask(server, async (client) => {
    const info = await client.info("commandstats");
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(info)?.[1] ?? 0);
  });

/** `7.2` of 7.2.4, as a number. */
const versionOf = (server: RedisServer) =>
  ask(server, async (client) => Number(/redis_version:(\d+\.\d+)/.exec(await client.info("server"))?.[1]));

/** What is said of a server at a start and by the doctor, and whether a start succeeds. */
async function judged(server: RedisServer, durability: "disk" | "configured") {
  const warned: string[] = [];
  const log = { info() {}, warn: (_: object, line: string) => void warned.push(line) };
  const started = await connectRedis(server.url, { durability, log }).then(
    (store) => store.close().then(() => "started"),
    (error: { code: string }) => error.code,
  );
  const findings = await inspectStore(server.url, { durability });
  const [reached] = findings.filter(({ name }) => name === "durability");
  return { started, warned, reached: reached?.ok, message: reached?.message };
}

const own = { name: "this machine's server", program: BINARY };
const believed = (program: string) => waitedFor.some((one) => one.program === program);

const COMMIT: [string, string[]] = ["latchkey:kind:a", ["absent", "version", "1", ""]];
const REMOVE: [string, string[]] = ["latchkey:kind:gone", []];
const PUT: [string, (string | number)[]] = ["latchkey:kind:put", ["version", "1", 60_000]];

/** Three processes make the same attempts, each on a connection of its own: two of them find that all is done. */
async function everyoneRefused(client: Redis, confirmation: Confirmation): Promise<void> {
  const processes = [1, 2, 3].map(() => new DurableWrites(client, confirmation));
  const attempts = processes.flatMap((writes) => [
    writes.run(scripts.commit, ...COMMIT),
    writes.run(scripts.remove, ...REMOVE),
    writes.run(scripts.put, ...PUT),
  ]);
  for (const outcome of await Promise.allSettled(attempts))
    expect(outcome).toMatchObject({ status: "rejected", reason: { code: "store_not_durable" } });
  expect(await client.mget("latchkey:kind:a", "latchkey:kind:gone")).toEqual(["version 1", null]);
  for (const writes of processes) writes.close();
}

describe.skipIf(withoutRedis).each([own, ...newerServers])("on $name with a replica", ({ program }) => {
  test("a repeat, which finds its write done, is not confirmed before a replica has that write", async () => {
    const master = await startRedisOf(program, "--repl-diskless-sync-delay", "0");
    const replica = await startRedisOf(program, "--replicaof", `127.0.0.1 ${master.port}`);
    const client = new Redis(master.url);
    await client.set("latchkey:kind:gone", "v 1");
    await vi.waitUntil(async () => Number(await client.wait(1, 100)) === 1, { timeout: 20_000 });
    replica.pause();
    await everyoneRefused(client, { replicas: 1 });
    replica.resume();
    const writes = new DurableWrites(client, { replicas: 1 });
    const again = () => writes.run(scripts.commit, ...COMMIT).catch(() => 0);
    await vi.waitUntil(async () => (await again()) === 1, { timeout: 20_000 });
    writes.close();
    client.disconnect();
    await replica.stop();
    await master.stop();
  });
});

describe.skipIf(withoutRedis).each([own, ...newerServers])("on $name", ({ program }) => {
  test("a disk that is written once a second is waited for, or a durable change refused with what to do", async () => {
    const server = await startRedisOf(program, "--appendfsync", "everysec");
    const store = await connectRedis(server.url);
    const isBelieved = believed(program) || (await versionOf(server)) >= 8;
    if (isBelieved) expect(await store.commit("kind:a", 1, absent())).toBe(true);
    else {
      const detail = expect.stringContaining("appendfsync to always");
      const refused = { code: "store_not_durable", detail };
      await expect(store.commit("kind:a", 1, absent())).rejects.toMatchObject(refused);
      expect(await store.read("kind:a")).toBeUndefined();
    }
    const started = isBelieved ? "started" : "store_refused";
    expect(await judged(server, "disk")).toMatchObject({ started, reached: isBelieved });
    await store.close();
    await server.stop();
  });
});

describe.each(waitedFor)("on $name, which can be waited for", { concurrent: true }, ({ name, program }) => {
  async function withServer(args: string[], act: (server: RedisServer) => Promise<void>) {
    const server = await startRedisOf(program, ...args);
    try {
      await act(server);
    } finally {
      await server.stop();
    }
  }
  const everysec = ["--appendfsync", "everysec"];

  async function withStore(
    act: (store: Awaited<ReturnType<typeof connectRedis>>, server: RedisServer) => Promise<void>,
    options: RedisConnectOptions = {},
  ) {
    await withServer(everysec, async (server) => {
      const store = await connectRedis(server.url, options);
      await act(store, server).finally(() => store.close());
    });
  }

  test("what is durable is waited for, also when it changes nothing; nothing else is", () =>
    withStore(async (store, server) => {
      const waits = () => calls(server, "waitaof");
      expect(await store.commit("kind:a", 1, { ...absent(), durable: false })).toBe(true);
      expect(await waits()).toBe(0);
      expect(await store.commit("kind:b", 1, absent())).toBe(true);
      expect(await waits()).toBe(1);
      expect(await store.commit("kind:b", 2, absent())).toBe(false);
      await store.remove("kind:b", { durable: true });
      await store.remove("kind:b", { durable: true });
      expect(await waits()).toBe(4);
      await store.bulk.settle();
      expect(await waits()).toBe(5);
      expect(await store.read("kind:b")).toBeUndefined();
    }));

  test("writes of one moment share a wait", () =>
    withStore(async (store, server) => {
      const made = await Promise.all(
        Array.from({ length: 500 }, (_, i) => store.commit(`kind:${i}`, i, absent())),
      );
      expect(made.every(Boolean)).toBe(true);
      expect(await calls(server, "waitaof")).toBeLessThan(5);
    }));

  test("the wait leaves on the connection that wrote, right behind what it wrote", () =>
    withStore(async (store, server) => {
      const seen: { command: string; source: string }[] = [];
      const client = new Redis(server.port);
      // What connects meanwhile would be told to a monitor that is none yet.
      await Promise.all([
        client.ping(),
        store.commit("kind:warm", 1, absent()),
        store.write("kind:warmer", 1),
      ]);
      const watcher = await client.monitor();
      watcher.on("monitor", (_: string, [command = ""]: string[], source: string) => {
        if (source !== "lua") seen.push({ command: command.toLowerCase(), source });
      });
      await Promise.all([
        store.commit("kind:a", 1, absent()),
        store.remove("kind:b", { durable: true }),
        store.write("kind:c", 1),
        store.count("tries:a", 1_000),
      ]);
      // On connections of their own, they come in whatever order.
      const wasSeen = (name: string) => seen.some(({ command }) => command === name);
      await vi.waitUntil(() => wasSeen("waitaof") && wasSeen("set"));
      watcher.disconnect();
      client.disconnect();
      const { source } = seen.find(({ command }) => command === "waitaof") as { source: string };
      const own = seen.filter((one) => one.source === source).map(({ command }) => command);
      expect(own.filter((command) => /^(eval|waitaof)$/.test(command))).toEqual(["eval", "eval", "waitaof"]);
      expect(seen.filter((one) => one.source !== source).map(({ command }) => command)).toContain("set");
    }));

  test("what is not confirmed in time is store_not_durable, and the same attempt succeeds after", () =>
    withStore(async (store, server) => {
      expect(await store.commit("kind:warm", 1, absent())).toBe(true);
      await set(server, "appendfsync", "no");
      const [commit, other] = [absent(), absent()];
      const refused = { status: "rejected", reason: { code: "store_not_durable", status: 503 } };
      await store.write("kind:gone", 1);
      const outcomes = await Promise.allSettled([
        store.commit("kind:a", 1, commit),
        store.commit("kind:b", 1, other),
        store.remove("kind:gone", { durable: true }),
      ]);
      expect(outcomes).toMatchObject([refused, refused, refused]);
      // What nobody promised to keep goes on meanwhile.
      await store.write("kind:c", 1);
      await set(server, "appendfsync", "everysec");
      expect(await store.commit("kind:a", 1, commit)).toBe(true);
      expect(await store.read("kind:a")).toEqual({ value: 1, version: commit.version });
      await store.remove("kind:gone", { durable: true });
      expect(await store.commit("kind:b", 2, absent())).toBe(false);
    }));

  test("what waits behind a write that is not confirmed is refused with it, and was not written", () =>
    withStore(async (store, server) => {
      expect(await store.commit("kind:warm", 1, absent())).toBe(true);
      await set(server, "appendfsync", "no");
      const first = store.commit("kind:first", 1, absent());
      await vi.waitUntil(async () => (await store.read("kind:first")) !== undefined);
      const second = store.commit("kind:second", 1, absent());
      const refused = { code: "store_not_durable" };
      await expect(first).rejects.toMatchObject(refused);
      await expect(second).rejects.toMatchObject(refused);
      expect(await store.read("kind:second")).toBeUndefined();
    }));

  test("a repeat, which finds its write done, is not confirmed before that write is", () =>
    withServer(everysec, async (server) => {
      await set(server, "appendfsync", "no");
      const client = new Redis(server.url);
      await client.set("latchkey:kind:gone", "v 1");
      await everyoneRefused(client, "disk");
      await set(server, "appendfsync", "everysec");
      const writes = new DurableWrites(client, "disk");
      expect(await writes.run(scripts.commit, ...COMMIT)).toBe(1);
      expect(await writes.run(scripts.remove, ...REMOVE)).toBe(0);
      writes.close();
      client.disconnect();
    }));

  test("a repeat leaves what it finds as it is, with the time that it has", () =>
    withServer(everysec, async (server) => {
      const plain = new Redis(server.url);
      const writes = new DurableWrites(plain, "disk");
      const args = ["absent", newVersion(), "1", 60_000];
      expect(await writes.run(scripts.commit, "latchkey:kind:a", args)).toBe(1);
      const [record, until] = [
        await plain.get("latchkey:kind:a"),
        await plain.pexpiretime("latchkey:kind:a"),
      ];
      expect(await writes.run(scripts.commit, "latchkey:kind:a", args)).toBe(1);
      expect(await plain.get("latchkey:kind:a")).toBe(record);
      expect(await plain.pexpiretime("latchkey:kind:a")).toBe(until);
      writes.close();
      plain.disconnect();
    }));

  test("F1 an answer that was lost is not taken for kept when the write behind it is not", () =>
    withServer(everysec, async (server) => {
      const proxy = await startProxy(server.port);
      const store = await connectRedis(`redis://127.0.0.1:${proxy.port}`);
      try {
        expect(await store.commit("kind:warm", 1, absent())).toBe(true);
        await set(server, "appendfsync", "no");
        proxy.loseAnswersTo("kind:cut");
        const attempt = absent();
        const refused = { code: "store_not_durable" };
        await expect(store.commit("kind:cut", 1, attempt)).rejects.toMatchObject(refused);
        expect(proxy.lost).toBe(1);
        await set(server, "appendfsync", "everysec");
        proxy.loseAnswersTo("kind:cut");
        expect(await store.commit("kind:cut", 1, attempt)).toBe(true);
        expect(proxy.lost).toBe(2);
      } finally {
        await store.close();
        await proxy.close();
      }
    }));

  test("an append-only file that was switched off is noticed at the next durable write", () =>
    withStore(async (store, server) => {
      expect(await store.commit("kind:a", 1, absent())).toBe(true);
      await set(server, "appendonly", "no");
      await expect(store.commit("kind:b", 1, absent())).rejects.toMatchObject({ code: "store_not_durable" });
      await set(server, "appendonly", "yes");
      const attempt = absent();
      await vi.waitUntil(() => store.commit("kind:c", 1, attempt).catch(() => false), { timeout: 30_000 });
    }));

  test.each<[string, string[], string, boolean, string]>([
    ["everysec is fit for disk", everysec, "started", true, WAITED],
    ["always is fit for disk", ["--appendfsync", "always"], "started", true, "when it is answered"],
    ["no is not: nothing would ever be confirmed", ["--appendfsync", "no"], "store_refused", false, ""],
    ["none without a file", ["--appendonly", "no"], "store_refused", false, ""],
    [
      "everysec that may not be looked at is fit",
      [...everysec, "--rename-command", "CONFIG", ""],
      "started",
      true,
      WAITED,
    ],
    [
      "always that pauses for a rewrite is waited for",
      ["--appendfsync", "always", "--no-appendfsync-on-rewrite", "yes"],
      "started",
      true,
      WAITED,
    ],
  ])("%s", (_, args, started, reached, how) =>
    withServer(args, async (server) => {
      const found = await judged(server, "disk");
      expect(found).toMatchObject({ started, reached });
      if (reached) expect(found.warned).toEqual([]);
      if (reached) expect(found.message).toContain(how);
    }),
  );

  test("the doctor names the level that is reached, and what the server is", () =>
    withServer(everysec, async (server) => {
      expect((await judged(server, "disk")).message).toContain(WAITED);
      const configured = await judged(server, "configured");
      expect(configured).toMatchObject({ started: "started", reached: false });
      expect(configured.warned).toEqual([expect.stringContaining("set LATCHKEY_DURABILITY to disk")]);
      const [first] = await inspectStore(server.url, { durability: "disk" });
      expect(first?.message).toContain(name);
    }));

  test("a host's client is judged as the store would use it", () =>
    withServer(everysec, async (server) => {
      const client = new Redis(server.url);
      expect(await checkRedis(client)).toEqual({ refusals: [], warnings: [] });
      client.disconnect();
    }));
});
