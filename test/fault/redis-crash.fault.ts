/** A Redis that is killed again and again: what was acknowledged is counted, and what is missing afterwards. */
import { readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createImported } from "../../src/account/create.ts";
import { systemClock } from "../../src/clock.ts";
import { connectRedis } from "../../src/store/redis/open.ts";
import { entries } from "../../src/testing/contract/check.ts";
import { patiently, startJournal } from "../support/journal.ts";
import { type RedisServer, startRedis, withoutRedis } from "../support/redis.ts";
import { isWhole } from "./whole.ts";

/** Every answer, good or bad, is there by then. */
const IN_TIME = 3_000;

describe.skipIf(withoutRedis)("a Redis that is killed", () => {
  test("F1 loses none of more than 10,000 acknowledged changes when every write is on disk", async () => {
    const server = await startRedis();
    const store = await connectRedis(server.url);
    const journal = startJournal(store, 64);
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
      `F1: ${journal.length} acknowledged, ${kills} kills, ${journal.refused} refused, ${lost.length} lost, ` +
        `slowest answer ${Math.round(journal.slowest)} ms`,
    );
    expect(journal.slowest).toBeLessThan(IN_TIME);
    expect(lost).toEqual([]);
    expect(journal.length).toBeGreaterThanOrEqual(10_000);
    await store.close();
    await server.stop();
  });

  test("F2 with a disk that is written once a second, what is lost is counted, and it was warned of", async () => {
    const server = await startRedis("--appendfsync", "everysec");
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
    report(`F2: ${journal.length} acknowledged, ${lost.length} lost`);
    // The operating system lives on, and what it was handed is written: more than two seconds of it are never lost.
    expect(lost.length).toBeLessThan(journal.length / 2);
    await store.close();
    await server.stop();
  });

  test("F13 starts with an end of its file that lacks 1 to 64 bytes, and every record in it is whole", async () => {
    const server = await startRedis();
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
    const server = await startRedis();
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
