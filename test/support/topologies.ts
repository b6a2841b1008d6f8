/** Real sets of Redis servers on this machine: one that Sentinel watches, and a cluster of three masters. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { vi } from "vitest";
import { BINARY, freePort, type RedisServer, startRedisOf, startServer } from "./redis.ts";

/** How soon a server that does not answer counts as gone. */
const DOWN_AFTER = "2000";
/** Replicas answer for what the disk does not have yet, so nobody waits for the disk here. */
const REPLICATED = ["--appendfsync", "everysec", "--repl-diskless-sync-delay", "0"];

export interface Topology {
  /** What `LATCHKEY_STORE` would be. */
  url: string;
  servers: RedisServer[];
  stop(): Promise<void>;
}

export interface SentinelSet extends Topology {
  sentinels: RedisServer[];
  /** Which of the servers Sentinel holds to be the master. */
  master(): Promise<RedisServer>;
}

export interface RedisCluster extends Topology {
  /** The master that serves a slot, and its replica, as a node that is alive says. */
  owners(slot: number): Promise<{ master: RedisServer; replica: RedisServer | undefined }>;
}

/** One master, two replicas and three sentinels. */
export async function startSentinelSet(program = BINARY): Promise<SentinelSet> {
  const first = await startRedisOf(program, ...REPLICATED);
  const following = ["--replicaof", `127.0.0.1 ${first.port}`];
  const others = await Promise.all([1, 2].map(() => startRedisOf(program, ...REPLICATED, ...following)));
  const servers = [first, ...others];
  await ask(first, (client) => vi.waitUntil(async () => (await replicas(client)) === 2, WAITING));
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(program, first.port)));
  const entrance = sentinels[0] as RedisServer;
  await ask(entrance, (client) => vi.waitUntil(async () => knows(await client.info("sentinel")), WAITING));
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",");
  return {
    url: `redis+sentinel://${hosts}/main`,
    servers,
    sentinels,
    async master() {
      const [, port] = await ask(
        entrance,
        (client) => client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main") as Promise<string[]>,
      );
      return servers.find((server) => server.port === Number(port)) as RedisServer;
    },
    stop: () => stopAll([...sentinels, ...servers]),
  };
}

const WAITING = { timeout: 20_000, interval: 20 };

async function replicas(client: Redis): Promise<number> {
  const info = await client.info("replication");
  return [...info.matchAll(/^slave\d+:.*state=online/gm)].length;
}

function knows(info: string): boolean {
  return /status=ok,.*slaves=2,sentinels=3/.test(info);
}

function startSentinel(program: string, master: number): Promise<RedisServer> {
  const argsFor = (port: number, folder: string) => {
    const file = join(folder, "sentinel.conf");
    const lines = [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir ${folder}`,
      `sentinel monitor main 127.0.0.1 ${master} 2`,
      `sentinel down-after-milliseconds main ${DOWN_AFTER}`,
      "sentinel failover-timeout main 3000",
    ];
    writeFileSync(file, lines.join("\n"));
    return [file, "--sentinel"];
  };
  return startServer(argsFor, { program, ready: "+monitor master main" });
}

/** Three masters with a replica each. */
export async function startCluster(program = BINARY): Promise<RedisCluster> {
  const start = async () => {
    const bus = String(await freePort());
    const own = ["--cluster-enabled", "yes", "--cluster-node-timeout", DOWN_AFTER, "--cluster-port", bus];
    return { bus, server: await startRedisOf(program, ...REPLICATED, ...own) };
  };
  const nodes = await Promise.all(Array.from({ length: 6 }, start));
  const servers = nodes.map(({ server }) => server);
  const clients = servers.map(connect);
  await joinNodes(nodes, clients);
  for (const client of clients) client.disconnect();
  return {
    url: `redis+cluster://${servers.slice(0, 3).map(({ port }) => `127.0.0.1:${port}`)}`,
    servers,
    owners: (slot) => ownersOf(servers, slot),
    stop: () => stopAll(servers),
  };
}

const RANGES = [
  [0, 5460],
  [5461, 10_922],
  [10_923, 16_383],
] as const;

async function joinNodes(nodes: { bus: string; server: RedisServer }[], clients: Redis[]): Promise<void> {
  const first = clients[0] as Redis;
  for (const [i, [from, to]] of RANGES.entries()) {
    await clients[i]?.call("CLUSTER", "ADDSLOTSRANGE", from, to);
    await clients[i]?.call("CLUSTER", "SET-CONFIG-EPOCH", i + 1);
  }
  for (const { bus, server } of nodes.slice(1))
    await first.call("CLUSTER", "MEET", "127.0.0.1", server.port, bus);
  const state = (client: Redis) => client.call("CLUSTER", "INFO") as Promise<string>;
  const met = async () => (await Promise.all(clients.map(state))).every((it) => it.includes("known_nodes:6"));
  await vi.waitUntil(met, WAITING);
  for (const [i, client] of clients.slice(3).entries())
    await client.call("CLUSTER", "REPLICATE", String(await clients[i]?.call("CLUSTER", "MYID")));
  const served = async () => {
    const states = await Promise.all(clients.map(state));
    const synced = await Promise.all(clients.slice(0, 3).map(replicas));
    // That a replica follows is known to its master before it is to all.
    const tables = await Promise.all(
      clients.map((client) => client.call("CLUSTER", "SLOTS") as Promise<unknown[][]>),
    );
    return (
      states.every((it) => it.includes("cluster_state:ok")) &&
      synced.every((count) => count === 1) &&
      tables.every((ranges) => ranges.length === 3 && ranges.every((range) => range.length === 4))
    );
  };
  await vi.waitUntil(served, WAITING);
}

async function ownersOf(servers: RedisServer[], slot: number) {
  const alive = servers.find(({ pid }) => pid !== undefined) as RedisServer;
  type Range = [from: number, to: number, ...nodes: [host: string, port: number][]];
  const table = await ask(alive, (client) => client.call("CLUSTER", "SLOTS") as Promise<Range[]>);
  const [, , master, replica] = table.find(([from, to]) => from <= slot && slot <= to) ?? [];
  const at = (node: [string, number] | undefined) => servers.find(({ port }) => port === node?.[1]);
  return { master: at(master) as RedisServer, replica: at(replica) };
}

function connect(server: RedisServer): Redis {
  return new Redis(server.port, "127.0.0.1").on("error", () => {});
}

/** Asks one server something on a connection of its own. */
export async function ask<T>(server: RedisServer, question: (client: Redis) => Promise<T>): Promise<T> {
  const client = connect(server);
  try {
    return await question(client);
  } finally {
    client.disconnect();
  }
}

async function stopAll(servers: RedisServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()));
}
