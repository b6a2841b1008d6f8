/** What the doctor says of a store. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { inspectStore } from "../../src/store/connect.ts";
import type { Finding } from "../../src/store/finding.ts";
import { type RedisServer, startRedis, withoutRedis } from "../support/redis.ts";
import { stores } from "../support/stores.ts";
import { ask, startCluster } from "../support/topologies.ts";

const wrongIn = (findings: Finding[]) =>
  findings.filter(({ ok }) => !ok).map(({ name, level }) => `${level} ${name}`);

test.each(stores)("nothing is wrong with a fit store on $name", async ({ open }) => {
  const opened = await open();
  const findings = await inspectStore(opened.url, { durability: "disk" });
  expect(wrongIn(findings)).toEqual([]);
  expect(findings.map(({ name }) => name)).toContain("durability");
  await opened.close();
});

describe.skipIf(withoutRedis)("of a Redis", () => {
  const started: { stop(): Promise<void> }[] = [];
  afterEach(async () => {
    vi.useRealTimers();
    await Promise.all(started.splice(0).map((server) => server.stop()));
  });
  async function redis(...args: string[]): Promise<RedisServer> {
    const server = await startRedis(...args);
    started.push(server);
    return server;
  }

  test("each durability is said to be reached, or not, with the remedy", async () => {
    const later = await redis("--appendfsync", "everysec");
    const look = async (durability: "configured" | "disk" | "replica") =>
      (await inspectStore(later.url, { durability })).find(({ name }) => name === "durability");
    const [version = ""] =
      /redis_version:\S+/.exec(await ask(later, (client) => client.info("server"))) ?? [];
    const waitable = /:([89]|\d\d)\./.test(version);
    expect(await look("configured")).toMatchObject({ ok: false, level: "warning" });
    expect(await look("disk")).toMatchObject({ ok: waitable, level: "error" });
    expect(await look("replica")).toMatchObject({ ok: false, level: "error", remedy: expect.any(String) });
  });

  test("eviction, a replica in the place of a master, and clocks that are apart are found", async () => {
    const evicting = await redis("--maxmemory-policy", "allkeys-lru");
    expect(wrongIn(await inspectStore(evicting.url, { durability: "disk" }))).toEqual([
      "error redis settings",
    ]);
    const replica = await redis("--replicaof", `127.0.0.1 ${evicting.port}`);
    expect(wrongIn(await inspectStore(replica.url))).toContain("error redis settings");
    const right = await redis();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5_000 });
    expect(wrongIn(await inspectStore(right.url))).toEqual(["warning redis clock"]);
    vi.setSystemTime(Date.now() + 60_000);
    expect(wrongIn(await inspectStore(right.url))).toEqual(["error redis clock"]);
  });

  test("memory that is nearly full is found", async () => {
    const server = await redis("--maxmemory", "1mb");
    expect(wrongIn(await inspectStore(server.url, { durability: "disk" }))).toEqual(["warning redis memory"]);
  });

  test("a cluster is judged master by master", async () => {
    const cluster = await startCluster();
    started.push(cluster);
    const findings = await inspectStore(cluster.url);
    expect(wrongIn(findings)).toEqual([]);
    expect(findings.filter(({ name }) => name === "redis clock")).toHaveLength(3);
    expect(findings).toContainEqual(
      expect.objectContaining({ name: "durability", message: expect.stringContaining("replica") }),
    );
  });

  test("one that is away is store_unavailable", async () => {
    const server = await redis();
    await server.kill();
    await expect(inspectStore(server.url)).rejects.toMatchObject({ code: "store_unavailable" });
  });
});
