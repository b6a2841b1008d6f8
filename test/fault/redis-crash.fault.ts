/** A Redis that is killed again and again: what was acknowledged is counted, and what is missing afterwards. */
import { readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createImported } from "../../src/account/create.ts";
import { systemClock } from "../../src/clock.ts";
import { connectRedis } from "../../src/store/redis/open.ts";
import { entries } from "../../src/testing/contract/check.ts";
import { patiently, startJournal } from "../support/journal.ts";
import { matrix, type RedisServer, startRedisOf, withoutRedis } from "../support/redis.ts";
import { isWhole } from "./whole.ts";

/** Every answer, good or bad, is there by then. */
const IN_TIME = 3_000;

describe.skipIf(withoutRedis).each(matrix)("$name when it is killed", ({ name, program, isWaitedFor }) => {
  const start = (...args: string[]) => startRedisOf(program, ...args);

  const kept = [
    { how: "every write is on disk", fsync: "always", writers: 64 },
    // A disk that is written once a second takes as many changes a second as there are writers.
    ...(isWaitedFor ? [{ how: "its disk is waited for", fsync: "everysec", writers: 768 }] : []),
  ];
  test.each(kept)(
    "F1 loses none of 10,000 acknowledged changes when $how",
    async ({ how, fsync, writers }) => {
      const server = await start("--appendfsync", fsync);
      const store = await connectRedis(server.url, { durability: "disk" });
      const journal = startJournal(store, writers);
      let kills = 0;
      while (journal.length < 10_000 || kills < 20) {
        await journal.more(500);
        await server.kill();
        kills++;
        await server.start();
      }
      await journal.more(1, 10_000);
      await journal.stop();
      const lost = await journal.lost(store);
      report(
        `F1, ${name}, ${how}: ${journal.length} acknowledged, ${kills} kills, ${journal.refused} refused, ` +
          `${lost.length} lost, slowest answer ${Math.round(journal.slowest)} ms`,
      );
      // Who waits for a disk that is written once a second may wait twice, with a restart between.
      if (fsync === "always") expect(journal.slowest).toBeLessThan(IN_TIME);
      expect(lost).toEqual([]);
      expect(journal.length).toBeGreaterThanOrEqual(10_000);
      await store.close();
      await server.stop();
    },
  );

  test("F2 with a disk that is written once a second, what is lost is counted, and it was warned of", async () => {
    const server = await start("--appendfsync", "everysec");
    const warnings: string[] = [];
    const log = { info() {}, warn: (_: object, line: string) => warnings.push(line) };
    const store = await connectRedis(server.url, { durability: "configured", log });
    expect(warnings).toEqual([expect.stringContaining("appendfsync is everysec")]);
    const journal = startJournal(store, 32);
    for (let kills = 0; kills < 5; kills++) {
      await journal.more(1000);
      await server.kill();
      await server.start();
    }
    await journal.stop();
    const lost = await journal.lost(store);
    report(`F2, ${name}: ${journal.length} acknowledged, ${lost.length} lost`);
    // The operating system lives on, and what it was handed is written: more than two seconds of it are never lost.
    expect(lost.length).toBeLessThan(journal.length / 2);
    await store.close();
    await server.stop();
  });

  test("F13 starts with an end of its file that lacks 1 to 64 bytes, and every record in it is whole", async () => {
    const server = await start();
    const store = await connectRedis(server.url);
    for (let cut = 1; cut <= 64; cut++) {
      const journal = startJournal(store, 4, `torn${cut}`);
      await journal.more(20);
      await journal.stop();
      await tear(server, cut);
      await patiently(() => store.ping());
      const kept = await entries(store.scan(`torn${cut}`));
      // At most the last change is torn, and no other is touched.
      expect(kept.size).toBeGreaterThanOrEqual(journal.length - 1);
      for (const value of kept.values()) expect(value).toEqual(expect.any(Number));
    }
    await store.close();
    await server.stop();
  });

  test("F13 with the end torn in the midst of an account's creation, every reference holds", async () => {
    const server = await start();
    const store = await connectRedis(server.url);
    let left = 0;
    for (let cut = 50; cut <= 3_000; cut += 150) {
      for (const username of [`whole${cut}`, `torn${cut}`]) {
        const email = `${username}@example.com`;
        const input = { username, email, emailVerified: true, password: false };
        await createImported({ store, clock: systemClock }, input, async () => {});
      }
      await tear(server, cut);
      left += await patiently(() => isWhole({ store, url: server.url }));
    }
    report(`F13: torn in 20 places of a creation, ${left} leftovers`);
    await store.close();
    await server.stop();
  });
});

/** Kills the server, takes so many bytes from the end of its file, and starts it again. */
async function tear(server: RedisServer, bytes: number): Promise<void> {
  await server.kill();
  const folder = join(server.folder, "appendonlydir");
  const [file = ""] = readdirSync(folder).filter((name) => name.endsWith(".incr.aof"));
  const path = join(folder, file);
  truncateSync(path, statSync(path).size - bytes);
  await server.start();
}

/** What a run has to say besides whether it passed. */
function report(line: string): void {
  process.stdout.write(`${line}\n`);
}
