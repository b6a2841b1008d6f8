import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newVersion } from "../../../src/store/record.ts";
import { connectRedis } from "../../../src/store/redis/open.ts";
import { redisStore } from "../../../src/store/redis.ts";
import type { Store } from "../../../src/store/store.ts";
import { collect } from "../../../src/testing/contract/check.ts";
import { type BrokenWire, startProxy } from "../../support/proxy.ts";
import { type RedisServer, startRedis, withoutRedis } from "../../support/redis.ts";

const event = { id: "e1", type: "account.created", at: 1 } as const;

describe.skipIf(withoutRedis)("a lost answer", () => {
  let server: RedisServer;
  let proxy: BrokenWire;
  let store: Store;
  /** The same data without the proxy between. */
  let direct: Store;

  beforeAll(async () => {
    server = await startRedis();
    proxy = await startProxy(server.port);
    store = await connectRedis(`redis://127.0.0.1:${proxy.port}/0`);
    direct = await connectRedis(server.url);
    await warmUp(direct);
  });
  afterAll(async () => {
    await store.close();
    await direct.close();
    await proxy.close();
    await server.stop();
  });

  /** Runs every script once, so that the answer which is lost is the one to the real call. */
  async function warmUp(warm: Store) {
    await warm.commit("warm:a", 1, { expect: "absent", version: "v" });
    await warm.take("warm:a", "op");
    await warm.remove("warm:a");
    await warm.count("warm:a", 1000);
    await warm.join("warm:a", "a", 1000);
    await warm.members("warm:a");
    await warm.append("warm:a", event, "op");
  }

  const version = newVersion();
  const cases: Record<
    string,
    { prepare?(): Promise<unknown>; call(): Promise<unknown>; result: unknown; after?(): Promise<unknown> }
  > = {
    read: {
      prepare: () => direct.write("lost-read:a", 1),
      call: async () => (await store.read("lost-read:a"))?.value,
      result: 1,
    },
    write: {
      call: () => store.write("lost-write:a", 1),
      result: undefined,
      after: async () => expect(await direct.read("lost-write:a")).toMatchObject({ value: 1 }),
    },
    commit: {
      call: () => store.commit("lost-commit:a", 1, { expect: "absent", version }),
      result: true,
      after: async () => expect(await direct.read("lost-commit:a")).toEqual({ value: 1, version }),
    },
    "durable commit": {
      call: () => store.commit("lost-durable:a", 1, { expect: "absent", version, durable: true }),
      result: true,
      after: async () => expect(await direct.read("lost-durable:a")).toEqual({ value: 1, version }),
    },
    take: {
      prepare: () => direct.write("lost-take:a", 1),
      call: () => store.take("lost-take:a", "op"),
      result: 1,
      after: async () => expect(await direct.take("lost-take:a", "other")).toBeUndefined(),
    },
    remove: {
      prepare: () => direct.write("lost-remove:a", 1),
      call: () => store.remove("lost-remove:a"),
      result: undefined,
      after: async () => expect(await direct.read("lost-remove:a")).toBeUndefined(),
    },
    count: { call: () => store.count("lost-count:a", 60_000), result: 2 },
    "join of an ordered set": {
      call: () => store.join("lost-join:a", "m"),
      result: undefined,
      after: async () => expect(await direct.members("lost-join:a")).toEqual(["m"]),
    },
    "join of an expiring set": {
      call: () => store.join("lost-expiring:a", "m", 60_000),
      result: undefined,
      after: async () => expect(await direct.members("lost-expiring:a")).toEqual(["m"]),
    },
    leave: {
      prepare: () => direct.join("lost-leave:a", "m"),
      call: () => store.leave("lost-leave:a", "m"),
      result: undefined,
      after: async () => expect(await direct.members("lost-leave:a")).toEqual([]),
    },
    members: {
      prepare: () => direct.join("lost-members:a", "m"),
      call: () => store.members("lost-members:a"),
      result: ["m"],
    },
    append: {
      call: () => store.append("lost-append:a", event, "op"),
      result: undefined,
      after: async () => expect(await collect(direct.tail("lost-append:a"))).toHaveLength(1),
    },
    tail: {
      prepare: () => direct.append("lost-tail:a", event, "op"),
      call: async () => (await collect(store.tail("lost-tail:a"))).map((told) => told.event),
      result: [event],
    },
    scan: {
      prepare: () => direct.write("lost-scan:a", 1),
      call: async () =>
        (await collect(store.scan("lost-scan"))).flatMap(({ entries }) => entries.map(({ key }) => key)),
      result: ["lost-scan:a"],
    },
  };

  test.each(Object.entries(cases))(
    "to %s changes nothing for the caller",
    async (_, { prepare, call, result, after }) => {
      await prepare?.();
      const before = proxy.lost;
      proxy.loseAnswersTo("lost-");
      expect(await call()).toEqual(result);
      expect(proxy.lost).toBe(before + 1);
      await after?.();
    },
  );

  test("twice in a row changes nothing for the caller; for ever is store_unavailable", async () => {
    await direct.write("code:a", "a");
    await direct.write("code:b", "b");
    proxy.loseAnswersTo("code:a", 2);
    expect(await store.take("code:a", "op")).toBe("a");
    proxy.loseAnswersTo("code:b", 99);
    await expect(store.take("code:b", "op")).rejects.toMatchObject({ code: "store_unavailable" });
    proxy.loseAnswersTo("", 0);
    expect(await store.take("code:b", "another")).toBeUndefined();
    expect(await store.take("code:b", "op")).toBe("b");
  });

  test("to a claim that somebody else won meanwhile does not make a second winner", async () => {
    const claims = [store, direct].map((through) => ({ through, version: newVersion() }));
    proxy.loseAnswersTo("claim:a");
    const settled = await Promise.allSettled(
      claims.map(({ through, version: mine }) =>
        through.commit("claim:a", mine, { expect: "absent", version: mine }),
      ),
    );
    // Who lost the answer and finds somebody else there may have been first, and is not told that it was not.
    const won = settled.map((one) => one.status === "fulfilled" && one.value);
    expect(won.filter(Boolean)).toHaveLength(1);
    expect(await direct.read("claim:a")).toMatchObject({ version: claims[won.indexOf(true)]?.version });
    proxy.loseAnswersTo("", 0);
  });

  test("to a commit over which somebody else committed is not said to be a refusal", async () => {
    await direct.commit("over:a", 0, { expect: "absent", version: "v0" });
    proxy.loseAnswersTo("over:a");
    proxy.beforeCut = () => direct.commit("over:a", 2, { expect: "v1", version: "v2" });
    const commit = store.commit("over:a", 1, { expect: "v0", version: "v1" });
    await expect(commit).rejects.toMatchObject({ code: "store_unavailable" });
    expect(await direct.read("over:a")).toEqual({ value: 2, version: "v2" });
    // One that was refused for certain is: its first answer came.
    expect(await store.commit("over:a", 3, { expect: "v0", version: "v3" })).toBe(false);
    proxy.beforeCut = undefined;
  });

  test("does not make a host's own client, which resends by itself, take twice", async () => {
    const client = new Redis(proxy.port, "127.0.0.1");
    const hosted = redisStore(client);
    await direct.write("code:hosted", "value");
    proxy.loseAnswersTo("code:hosted");
    expect(await hosted.take("code:hosted", "op")).toBe("value");
    await hosted.close();
    expect(client.status).toBe("ready");
    client.disconnect();
  });
});
