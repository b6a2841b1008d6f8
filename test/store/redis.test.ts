import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectRedis } from "../../src/store/redis/open.ts";
import { redisStore } from "../../src/store/redis.ts";
import type { Store } from "../../src/store/store.ts";
import { collect } from "../../src/testing/contract/check.ts";
import { everythingIn } from "../support/errors.ts";
import { type RedisServer, startRedis, withoutRedis } from "../support/redis.ts";

describe.skipIf(withoutRedis)("on Redis", () => {
  let server: RedisServer;
  let store: Store;
  beforeAll(async () => {
    server = await startRedis();
    store = await connectRedis(server.url);
  });
  afterAll(async () => {
    await store.close();
    await server.stop();
  });

  test("scripts are sent again to a Redis that has forgotten them", async () => {
    const client = new Redis(server.url);
    await client.script("FLUSH");
    await store.write("code:flush", 1);
    expect(await store.take("code:flush", "op")).toBe(1);
    expect(await store.count("code:flush", 1000)).toBe(1);
    client.disconnect();
  });

  test("records stand under their prefix, and a client's own keyPrefix is respected", async () => {
    const client = new Redis(server.url, { keyPrefix: "host[1]*:" });
    const [one, other] = [redisStore(client, { prefix: "one:" }), redisStore(client, { prefix: "other:" })];
    await one.write("kind:a", 1);
    await other.write("kind:a", 2);
    await other.write("kind:b", 3);
    expect(await store.read("kind:a")).toBeUndefined();
    const found = (await collect(one.scan("kind"))).flatMap(({ entries }) => entries);
    expect(found.map(({ key, value }) => [key, value])).toEqual([["kind:a", 1]]);
    const plain = new Redis(server.url);
    expect(await plain.get("host[1]*:one:kind:a")).toMatch(/^\S+ 1$/);
    client.disconnect();
    plain.disconnect();
  });

  test("a taken value is kept for a minute at most, and no longer than its own time", async () => {
    const plain = new Redis(server.url);
    await store.write("code:kept", 1);
    await store.write("code:short", 1, { ttl: 5_000 });
    await store.take("code:kept", "op");
    await store.take("code:short", "op");
    expect(await plain.pttl("latchkey:code:kept")).toSatisfy((left) => left > 5_000 && left <= 60_000);
    expect(await plain.pttl("latchkey:code:short")).toSatisfy((left) => left > 0 && left <= 5_000);
    plain.disconnect();
  });

  test("what a test wrote without a time is kept without one, and what expires has one", async () => {
    const plain = new Redis(server.url);
    await store.write("kept:a", 1);
    await store.join("kept:set", "a");
    await store.join("going:set", "a", 9_000);
    await store.join("going:set", "b", 1_000);
    await store.count("going:count", 9_000);
    expect(await plain.pttl("latchkey:kept:a")).toBe(-1);
    expect(await plain.pttl("latchkey:#set:kept:set")).toBe(-1);
    expect(await plain.pttl("latchkey:#set:going:set")).toSatisfy((left) => left > 1_000 && left <= 9_000);
    expect(await plain.pttl("latchkey:#counter:going:count")).toSatisfy((left) => left > 0 && left <= 9_000);
    plain.disconnect();
  });
});

describe.skipIf(withoutRedis)("errors of Redis", () => {
  test("are store_unavailable and carry neither keys nor values", async () => {
    const server = await startRedis("--maxmemory", "2mb");
    const store = await connectRedis(server.url);
    const fill = async () => {
      for (let i = 0; i < 100; i++) await store.write(`fill:${i}`, "x".repeat(100_000));
    };
    await expect(fill()).rejects.toMatchObject({
      code: "store_unavailable",
      cause: { message: expect.stringMatching(/^OOM/) },
    });
    const error = await store
      .commit("kind:canary", "canary".repeat(20_000), { expect: "absent", version: "v" })
      .catch((e: unknown) => e);
    expect(error).toMatchObject({ code: "store_unavailable" });
    expect(everythingIn(error)).not.toContain("canary");
    expect(await store.read("fill:0")).toBeDefined();
    await store.close();
    await server.stop();
  });
});
