/** What Sentinel adds: another master, found without being told. */
import { describe, expect, test, vi } from "vitest";
import { newVersion } from "../../../src/store/record.ts";
import { connectRedis } from "../../../src/store/redis/open.ts";
import { startJournal } from "../../support/journal.ts";
import { matrix, withoutRedis } from "../../support/redis.ts";
import { startSentinelSet } from "../../support/topologies.ts";

describe.skipIf(withoutRedis).each(matrix)("a set of $name that Sentinel watches", ({ program }) => {
  test.each(["kill", "pause"] as const)(
    "F9 after %s of the master is served by another within 15 s, and nothing durable is lost",
    async (fault) => {
      const set = await startSentinelSet(program);
      const store = await connectRedis(set.url);
      const journal = startJournal(store, 8);
      try {
        await journal.more(300);
        const old = await set.master();
        const at = performance.now();
        await old[fault]();
        await vi.waitUntil(async () => (await set.master()) !== old, { timeout: 15_000 });
        await journal.more(100);
        expect(performance.now() - at).toBeLessThan(15_000);
        if (fault === "pause") old.resume();
        else await old.start();
        await journal.more(100);
        await journal.stop();
        expect(await journal.lost(store)).toEqual([]);
      } finally {
        await journal.stop();
        await store.close();
        await set.stop();
      }
    },
  );

  test("nothing durable is acknowledged while no replica is there", async () => {
    const set = await startSentinelSet(program);
    const store = await connectRedis(set.url);
    const master = await set.master();
    const others = set.servers.filter((server) => server !== master);
    try {
      for (const replica of others) replica.pause();
      const attempt = { expect: "absent", version: newVersion(), durable: true } as const;
      await expect(store.commit("kind:a", 1, attempt)).rejects.toMatchObject({ status: 503 });
      for (const replica of others) replica.resume();
      await vi.waitUntil(() => store.commit("kind:a", 1, attempt).catch(() => false), { timeout: 15_000 });
    } finally {
      await store.close();
      await set.stop();
    }
  });
});
