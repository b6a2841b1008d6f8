/** The clients that hosts have already: whatever they are set to, data lands under their keys, and walks find it. */
import { Cluster, Redis, type RedisOptions } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newVersion } from "../../../src/store/record.ts";
import { type RedisStoreOptions, redisStore } from "../../../src/store/redis.ts";
import type { Store } from "../../../src/store/store.ts";
import { collect, entries } from "../../../src/testing/contract/check.ts";
import { type RedisServer, startRedis, withoutRedis } from "../../support/redis.ts";
import { ask, type RedisCluster, startCluster } from "../../support/topologies.ts";

const IDS = Array.from({ length: 8 }, (_, i) => String(i));
const absent = (durable: boolean) => ({ expect: "absent", version: newVersion(), durable }) as const;

/** Every method, on keys of several slots, at once. */
async function exercise(store: Store): Promise<void> {
  const event = { type: "account.created", at: 1, id: "e" } as never;
  const all = await Promise.all(
    IDS.map(async (id) => [
      await store.commit(`kind:${id}`, id, absent(true)),
      await store.commit(`soon:${id}`, id, { ...absent(false), ttl: 60_000 }),
      await store.count(`tries:${id}`, 60_000),
      await store.join(`set:${id}`, "member"),
      await store.members(`set:${id}`),
      await store.append(`log:${id}`, event, newVersion()),
      (await collect(store.tail(`log:${id}`))).length,
      await store.write(`code:${id}`, id),
      await store.take(`code:${id}`, "op"),
      await store.take(`code:${id}`, "other"),
      (await store.read(`kind:${id}`))?.value,
      await store.commit(`kind:${id}`, id, absent(true)),
    ]),
  );
  for (const [at, id] of IDS.entries())
    expect(all[at]).toEqual([
      true,
      true,
      1,
      undefined,
      ["member"],
      undefined,
      1,
      undefined,
      id,
      undefined,
      id,
      false,
    ]);
}

/** What every walk has to find after {@link exercise}. */
async function walked(store: Store): Promise<void> {
  const found = await entries(store.scan("kind"));
  expect([...found.keys()].sort()).toEqual(IDS.map((id) => `kind:${id}`));
  const dumped = (await collect(store.bulk.dump())).flat();
  const sorts = (["record", "counter", "member", "event"] as const).map(
    (wanted) => dumped.filter(({ sort }) => sort === wanted).length,
  );
  expect(sorts).toEqual([16, 8, 8, 8]);
}

/** Every key of a server's database. */
const keysOf = (client: Redis) => client.keys("*");

describe.skipIf(withoutRedis)("a host's Redis client", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  const kinds: [string, RedisOptions, RedisStoreOptions, { db?: number; under: string }][] = [
    ["with a keyPrefix", { keyPrefix: "app:" }, {}, { under: "app:latchkey:" }],
    [
      "with a keyPrefix, and a prefix beside it",
      { keyPrefix: "{a}b:" },
      { prefix: "p:" },
      { under: "{a}b:p:" },
    ],
    [
      "with auto pipelining",
      { enableAutoPipelining: true, keyPrefix: "app:" },
      {},
      { under: "app:latchkey:" },
    ],
    ["with a database", { db: 3 }, { prefix: "x:" }, { db: 3, under: "x:" }],
    ["with numbers as texts", { stringNumbers: true }, {}, { under: "latchkey:" }],
    ["that connects when it is used", { lazyConnect: true }, {}, { under: "latchkey:" }],
    ["that speaks RESP2", { protocol: 2 } as RedisOptions, {}, { under: "latchkey:" }],
  ];
  test.each(kinds)(
    "%s keeps everything under its own keys",
    async (_what, options, how, { db = 0, under }) => {
      const plain = new Redis({ port: server.port, db });
      await plain.flushall();
      await plain.set("somebody:else", "1");
      const client = new Redis({ ...options, port: server.port } as RedisOptions & { replyMapping?: never });
      const store = redisStore(client, how);
      await exercise(store);
      await walked(store);
      const keys = await keysOf(plain);
      expect(keys.filter((key) => !key.startsWith(under))).toEqual(["somebody:else"]);
      expect(keys).toHaveLength(IDS.length * 6 + 1);
      await store.close();
      expect(await client.ping()).toBe("PONG");
      client.disconnect();
      plain.disconnect();
    },
  );

  test("that selected another database later takes the durable writes and the walks with it", async () => {
    const client = new Redis(server.url);
    await client.flushall();
    await client.select(5);
    const store = redisStore(client);
    await exercise(store);
    await walked(store);
    const other = new Redis(server.url);
    expect(await keysOf(other)).toEqual([]);
    await store.close();
    client.disconnect();
    other.disconnect();
  });
});

describe.skipIf(withoutRedis)("a host's Cluster client", () => {
  let cluster: RedisCluster;
  let nodes: { host: string; port: number }[];
  beforeAll(async () => {
    cluster = await startCluster();
    nodes = cluster.servers.map(({ port }) => ({ host: "127.0.0.1", port }));
  });
  afterAll(() => cluster.stop());

  const kinds: [string, ConstructorParameters<typeof Cluster>[1], string][] = [
    ["with a keyPrefix", { keyPrefix: "app:" }, "app:p:"],
    [
      "with a keyPrefix among the options of its nodes",
      { redisOptions: { keyPrefix: "in:" } as never },
      "in:p:",
    ],
    ["with auto pipelining", { enableAutoPipelining: true, keyPrefix: "app:" }, "app:p:"],
    ["that connects when it is used", { lazyConnect: true }, "p:"],
  ];
  test.each(kinds)(
    "%s keeps everything under its own keys, on every server",
    async (_what, options, under) => {
      const client = new Cluster(nodes, options);
      const store = redisStore(client, { prefix: "p:", durability: "replica" });
      await exercise(store);
      await walked(store);
      const all = new Set((await Promise.all(cluster.servers.map((one) => ask(one, keysOf)))).flat());
      expect([...all].filter((key) => !key.startsWith(under))).toEqual([]);
      expect(all.size).toBe(IDS.length * 6);
      await store.close();
      client.disconnect();
      // A host that starts walks at once, before its client knows the servers.
      const fresh = new Cluster(nodes, options);
      const early = redisStore(fresh, { prefix: "p:", durability: "replica" });
      await walked(early);
      await early.close();
      fresh.disconnect();
      for (const one of cluster.servers) await ask(one, (node) => node.flushall().catch(() => "a replica"));
    },
  );
});
