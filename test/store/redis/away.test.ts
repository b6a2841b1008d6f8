import { describe, expect, test, vi } from "vitest";
import { newVersion } from "../../../src/store/record.ts";
import { connectRedis } from "../../../src/store/redis/open.ts";
import { everythingIn } from "../../support/errors.ts";
import { startRedis, withoutRedis } from "../../support/redis.ts";

describe.skipIf(withoutRedis)("a Redis that is away", () => {
  test.each(["kill", "pause"] as const)(
    "F4 after %s is store_unavailable within three seconds, and comes back by itself",
    async (fault) => {
      const server = await startRedis();
      const lines: string[] = [];
      const log = {
        info: (_: unknown, line: string) => lines.push(line),
        warn: (_: unknown, line: string) => lines.push(line),
      };
      const store = await connectRedis(server.url, { log });
      try {
        await store.write("kind:a", 1);
        await server[fault]();
        const started = performance.now();
        const calls = [
          store.read("kind:a"),
          store.write("kind:b", 1),
          store.commit("kind:c", 1, { expect: "absent", version: "v", durable: true }),
          store.take("kind:a", "op"),
          store.count("kind:a", 1000),
          store.ping(),
        ];
        for (const outcome of await Promise.allSettled(calls)) {
          expect(outcome).toMatchObject({
            status: "rejected",
            reason: { code: "store_unavailable", status: 503 },
          });
        }
        expect(performance.now() - started).toBeLessThan(3_000);
        if (fault === "kill") await server.start();
        else server.resume();
        await vi.waitUntil(
          () =>
            store.ping().then(
              () => true,
              () => false,
            ),
          10_000,
        );
        // Of a hanging server nobody knows whether it took the value; the same op finds out.
        expect(await store.take("kind:a", "op")).toBe(1);
        if (fault === "kill") {
          await vi.waitUntil(() => lines.length === 2);
          expect(lines).toEqual(["the connection to Redis was lost", "the connection to Redis is back"]);
        }
      } finally {
        await store.close();
        await server.stop();
      }
    },
  );

  test("after a while fails at once, so that nothing piles up", async () => {
    const server = await startRedis();
    const store = await connectRedis(server.url);
    await server.kill();
    const failing = async () => {
      const started = performance.now();
      await expect(store.read("kind:a")).rejects.toMatchObject({ code: "store_unavailable" });
      return performance.now() - started;
    };
    const first = await failing();
    // The first one waited for the connection to come back; none of the others does.
    expect(await Promise.race([failing(), failing(), failing()])).toBeLessThan(first / 4);
    await store.close();
    await server.stop();
  });

  test("from the start is store_unavailable, without the password in any message", async () => {
    const server = await startRedis();
    await server.kill();
    const error = await connectRedis(`redis://:geheim-4711@127.0.0.1:${server.port}`).catch(
      (refused: unknown) => refused,
    );
    expect(error).toMatchObject({ code: "store_unavailable" });
    expect(everythingIn(error)).toContain("ECONNREFUSED");
    expect(everythingIn(error)).not.toContain("geheim");
    await server.stop();
  });

  test.each(["redis+sentinel://HOST/main", "redis+cluster://HOST"])(
    "from the start is store_unavailable in time: %s",
    async (url) => {
      const server = await startRedis();
      await server.kill();
      const connecting = connectRedis(url.replace("HOST", `127.0.0.1:${server.port}`));
      await expect(connecting).rejects.toMatchObject({ code: "store_unavailable" });
      await server.stop();
    },
    10_000,
  );

  test("F1 keeps what was acknowledged as durable when it is killed", async () => {
    const server = await startRedis();
    const store = await connectRedis(server.url);
    const acknowledged: string[] = [];
    let writing = true;
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let i = 0; writing; i++) {
        const version = newVersion();
        const made = store.commit(`j:${writer}-${i}`, i, { expect: "absent", version, durable: true });
        if (await made.catch(() => false)) acknowledged.push(`j:${writer}-${i}`);
      }
    });
    await vi.waitUntil(() => acknowledged.length > 300);
    await server.kill();
    writing = false;
    await Promise.all(writers);
    await server.start();
    await vi.waitUntil(
      () =>
        store.ping().then(
          () => true,
          () => false,
        ),
      10_000,
    );
    for (const key of acknowledged) expect(await store.read(key as "j:1")).toBeDefined();
    await store.close();
    await server.stop();
  });
});
