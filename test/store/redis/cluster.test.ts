/** What a cluster adds: the replica that answers for a write, slots that move, masters that die. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { newVersion } from "../../../src/store/record.ts";
import { connectRedis } from "../../../src/store/redis/open.ts";
import { slotOf } from "../../../src/store/redis/slot.ts";
import type { Store } from "../../../src/store/store.ts";
import { entries } from "../../../src/testing/contract/check.ts";
import { startJournal } from "../../support/journal.ts";
import { matrix, type RedisServer, withoutRedis } from "../../support/redis.ts";
import { ask, type RedisCluster, startCluster } from "../../support/topologies.ts";

const durable = () => ({ expect: "absent", version: newVersion(), durable: true }) as const;
const slot = (key: string) => slotOf(`latchkey:${key}`);

describe.skipIf(withoutRedis).each(matrix)("a cluster of $name", ({ program }) => {
  let cluster: RedisCluster;
  let store: Store;
  beforeAll(async () => {
    cluster = await startCluster(program);
    store = await connectRedis(cluster.url);
  });
  afterAll(async () => {
    await store.close();
    await cluster.stop();
  });

  const waits = (server: RedisServer) =>
    ask(server, async (client) => {
      const info = await client.info("commandstats");
      return Number(/cmdstat_wait:calls=(\d+)/.exec(info)?.[1] ?? 0);
    });

  test("a durable write is confirmed on the server that has it, and writes at once share a wait", async () => {
    const { master } = await cluster.owners(slot("kind:a"));
    const before = await waits(master);
    const made = await Promise.all([
      store.commit("kind:a", 1, durable()),
      ...Array.from({ length: 20 }, (_, i) => store.commit(`kind:a${i}`, 1, durable())),
    ]);
    expect(made.every(Boolean)).toBe(true);
    expect((await waits(master)) - before).toBeGreaterThanOrEqual(1);
    const all = await Promise.all(cluster.servers.map(waits));
    expect(all.reduce((sum, count) => sum + count, 0)).toBeLessThan(21);
  });

  test("nothing durable is acknowledged while the key's replica is away, and the same attempt succeeds after", async () => {
    const { replica } = await cluster.owners(slot("kind:away"));
    expect(replica).toBeDefined();
    replica?.pause();
    const attempt = durable();
    const tries = Array.from({ length: 5 }, () => store.commit("kind:away", 1, attempt));
    for (const outcome of await Promise.allSettled(tries)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { status: 503 } });
    }
    await expect(store.remove("kind:away", { durable: true })).rejects.toMatchObject({ status: 503 });
    // What nobody promised to keep goes on.
    await store.write("kind:away", 2);
    replica?.resume();
    const again = durable();
    await vi.waitUntil(() => store.commit("kind:later", 1, again).catch(() => false), { timeout: 10_000 });
  });

  test("F11 a slot that moves under durable writes loses none of them", async () => {
    const key = "kind:moving" as const;
    const { master: from } = await cluster.owners(slot(key));
    const to = (await cluster.owners((slot(key) + 5461) % 16_384)).master;
    const id = (server: RedisServer) => ask(server, (client) => client.call("CLUSTER", "MYID"));
    await store.commit(key, 0, { expect: "absent", version: "v0", durable: true });
    await ask(to, async (client) =>
      client.call("CLUSTER", "SETSLOT", slot(key), "IMPORTING", `${await id(from)}`),
    );
    await ask(from, async (client) =>
      client.call("CLUSTER", "SETSLOT", slot(key), "MIGRATING", `${await id(to)}`),
    );
    await ask(from, (client) => client.migrate("127.0.0.1", to.port, `latchkey:${key}`, 0, 5000));
    // ASK: the key is there already, the slot is not.
    expect(await store.commit(key, 1, { expect: "v0", version: "v1", durable: true })).toBe(true);
    expect(await store.read(key)).toEqual({ value: 1, version: "v1" });
    for (const server of [to, from])
      await ask(server, async (client) =>
        client.call("CLUSTER", "SETSLOT", slot(key), "NODE", `${await id(to)}`),
      );
    // MOVED: the slot is there too.
    expect(await store.commit(key, 2, { expect: "v1", version: "v2", durable: true })).toBe(true);
    expect(await store.read(key)).toEqual({ value: 2, version: "v2" });
    expect((await entries(store.scan("kind"))).get(key)).toBe(2);
  });

  test("F11 a master that is killed loses nothing that was acknowledged as durable, and its replica takes over", async () => {
    const journal = startJournal(store);
    await journal.more(500);
    const victim = (await cluster.owners(slot("kind:victim"))).master;
    await victim.kill();
    const again = durable();
    // Its replica takes over, and has no replica itself: only what asks for none is acknowledged now.
    await vi.waitUntil(
      () => store.commit("kind:victim", 1, { ...again, durable: false }).catch(() => false),
      {
        timeout: 15_000,
      },
    );
    await victim.start();
    await vi.waitUntil(() => store.commit("kind:victim", 1, again).catch(() => false), { timeout: 15_000 });
    await journal.more(200);
    await journal.stop();
    expect(await journal.lost(store)).toEqual([]);
  });
});
