import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { inspectStore } from "../../../src/store/connect.ts";
import { newVersion } from "../../../src/store/record.ts";
import { connectRedis } from "../../../src/store/redis/open.ts";
import { checkRedis } from "../../../src/store/redis.ts";
import { everythingIn } from "../../support/errors.ts";
import { startProxy } from "../../support/proxy.ts";
import { startRedis, withoutRedis } from "../../support/redis.ts";

describe.skipIf(withoutRedis)("the fitness of a Redis", () => {
  async function judged(...args: string[]) {
    const server = await startRedis(...args);
    const client = new Redis(server.url);
    const fitness = await checkRedis(client);
    const connecting = await connectRedis(server.url).then(
      (store) => store.close(),
      (error: unknown) => error,
    );
    client.disconnect();
    await server.stop();
    return { ...fitness, connecting };
  }

  test("one that keeps every write and evicts nothing is fit", async () => {
    expect(await judged()).toEqual({ refusals: [], warnings: [], connecting: undefined });
  });

  test("F7 one that may evict is refused", async () => {
    const { refusals, connecting } = await judged("--maxmemory-policy", "allkeys-lru");
    expect(refusals).toEqual([expect.stringContaining("Set it to noeviction")]);
    expect(connecting).toMatchObject({ code: "store_refused", detail: refusals[0] });
  });

  test.each([
    ["6.0", true],
    ["6.1", true],
    ["6.2", false],
    ["7.0", false],
  ])("one that says it is %s is refused: %s", async (version, refused) => {
    // Older than 6.2 there is none here: a real one is heard to say it, and nothing else is changed.
    const server = await startRedis();
    const wire = await startProxy(server.port);
    let told = 0;
    wire.rewrite = (answer) => {
      const text = answer.toString("latin1").replace(/(?<=redis_version:)\d\.\d/, () => {
        told++;
        return version;
      });
      return Buffer.from(text, "latin1");
    };
    const url = `redis://127.0.0.1:${wire.port}`;
    const connecting = await connectRedis(url).then(
      (store) => store.close(),
      (error: unknown) => error,
    );
    const detail = `Redis ${version} is too old. Use 6.2 or newer.`;
    if (refused) expect(connecting).toMatchObject({ code: "store_refused", detail });
    else expect(connecting).toBeUndefined();
    const settings = (await inspectStore(url)).filter(({ name }) => name === "redis settings");
    expect(settings.filter(({ level }) => level === "error").map(({ message }) => message)).toEqual(
      refused ? [detail] : [],
    );
    expect(told).toBeGreaterThan(1);
    await wire.close();
    await server.stop();
  });

  test("one that keeps nothing on disk, or not at once, is warned of", async () => {
    const [nothing, later] = [await judged("--appendonly", "no"), await judged("--appendfsync", "no")];
    expect(nothing).toMatchObject({
      refusals: [],
      connecting: undefined,
      warnings: [expect.stringContaining("Set appendonly to yes")],
    });
    expect(later).toMatchObject({
      refusals: [],
      connecting: undefined,
      warnings: [expect.stringContaining("Set it to always")],
    });
  });

  test("one that pauses its writing for a rewrite is warned of where it cannot be waited for", async () => {
    const server = await startRedis("--no-appendfsync-on-rewrite", "yes");
    const client = new Redis(server.url);
    const { warnings } = await checkRedis(client, { durability: "configured" });
    expect(warnings).toEqual([expect.stringContaining("Set no-appendfsync-on-rewrite to no")]);
    client.disconnect();
    await server.stop();
  });

  test("one that tells nothing of its configuration is warned of and not refused", async () => {
    const server = await startRedis("--rename-command", "CONFIG", "");
    const client = new Redis(server.url);
    const { refusals, warnings } = await checkRedis(client, { durability: "configured" });
    client.disconnect();
    await server.stop();
    expect(refusals).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining("Make sure that appendfsync is always")]);
  });

  test("F8 a replica is refused", async () => {
    const master = await startRedis();
    const { refusals } = await judged("--replicaof", `127.0.0.1 ${master.port}`);
    expect(refusals).toEqual([expect.stringContaining("Name the master")]);
    await master.stop();
  });

  test("one that lets us look at nothing is store_unavailable", async () => {
    const server = await startRedis("--rename-command", "INFO", "");
    const connecting = connectRedis(server.url);
    await expect(connecting).rejects.toMatchObject({ code: "store_unavailable" });
    await server.stop();
  });

  test("a wrong password is store_unavailable, and its message tells nothing of it", async () => {
    const server = await startRedis("--requirepass", "right-4711");
    const url = (password: string) => `redis://:${password}@127.0.0.1:${server.port}/0`;
    const error = await connectRedis(url("wrong-4712")).catch((refused: unknown) => refused);
    expect(error).toMatchObject({ code: "store_unavailable" });
    expect(everythingIn(error)).not.toMatch(/4711|4712/);
    const store = await connectRedis(url("right-4711"));
    await store.ping();
    await store.close();
    await server.stop();
  });
});

describe.skipIf(withoutRedis)("a durable write", () => {
  const how = () => ({ expect: "absent", version: newVersion(), durable: true }) as const;

  test("is refused, before anything is written, where Redis may lose it", async () => {
    const server = await startRedis("--appendonly", "no");
    const store = await connectRedis(server.url);
    await expect(store.commit("kind:a", 1, how())).rejects.toMatchObject({ code: "store_not_durable" });
    expect(await store.read("kind:a")).toBeUndefined();
    await store.write("kind:a", 1);
    await expect(store.remove("kind:a", { durable: true })).rejects.toMatchObject({
      code: "store_not_durable",
    });
    expect(await store.read("kind:a")).toMatchObject({ value: 1 });
    await expect(store.bulk.settle()).rejects.toMatchObject({ code: "store_not_durable" });
    await store.close();
    await server.stop();
  });

  test("is done where the operator accepts what Redis was set up for", async () => {
    const server = await startRedis("--appendonly", "no");
    const store = await connectRedis(server.url, { durability: "configured" });
    expect(await store.commit("kind:a", 1, how())).toBe(true);
    await store.remove("kind:a", { durable: true });
    expect(await store.read("kind:a")).toBeUndefined();
    await store.bulk.settle();
    await store.close();
    await server.stop();
  });

  test("is refused as soon as Redis came back with less persistence", async () => {
    const server = await startRedis();
    const store = await connectRedis(server.url);
    expect(await store.commit("kind:a", 1, how())).toBe(true);
    const client = new Redis(server.url);
    await client.config("SET", "appendfsync", "no");
    await client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await expect(store.commit("kind:b", 1, how())).rejects.toMatchObject({ code: "store_not_durable" });
    client.disconnect();
    await store.close();
    await server.stop();
  });

  test("F1 is not refused because the answer about Redis's persistence was lost", async () => {
    const server = await startRedis();
    const proxy = await startProxy(server.port);
    const store = await connectRedis(`redis://127.0.0.1:${proxy.port}`);
    proxy.loseAnswersTo("appendfsync");
    expect(await store.commit("kind:a", 1, how())).toBe(true);
    expect(proxy.lost).toBe(1);
    await store.close();
    await proxy.close();
    await server.stop();
  });
});
