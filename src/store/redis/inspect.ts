/** What there is to say about a Redis: for `latchkey doctor`, which looks and changes nothing. */
import type { Redis } from "ioredis";
import { doubtful, type Finding, found, wrong } from "../finding.ts";
import type { Millis } from "../store.ts";
import { parseRedisAddress } from "./address.ts";
import { certificates, endedCertificates } from "./certificates.ts";
import { type Client, masters, nameOf } from "./connections.ts";
import { ask, checkRedis, type Facts, persistence, productOf } from "./fitness.ts";
import { unavailable } from "./link.ts";
import { connectClient, defaultsFor, type RedisConnectOptions } from "./open.ts";

/** Clocks further apart than this make times in logs and tokens doubtful, and further than that wrong. */
const SKEW: Millis = 2_000;
const WRONG_SKEW: Millis = 15_000;

/** @throws `store_unavailable` when nothing answers */
export async function inspectRedis(url: string, options: RedisConnectOptions = {}): Promise<Finding[]> {
  const address = parseRedisAddress(url);
  const wanted = { ...defaultsFor(address), ...options };
  let client: Client;
  try {
    client = await connectClient(address);
  } catch (error) {
    const ended = await endedCertificates(address);
    if (ended.length === 0) throw error;
    return ended;
  }
  try {
    const servers = await masters(client);
    const facts = await Promise.all(servers.map(ask));
    const { refusals, warnings } = await checkRedis(client, wanted);
    return [
      found("redis", `${address.topology}: ${facts.map(describe).join(", ")}`),
      ...refusals.map((message) =>
        wrong("redis settings", message, "Do what the message says, and restart Redis."),
      ),
      ...warnings.map((message) => doubtful("redis settings", message, "Do what the message says.")),
      reached(wanted, facts),
      ...facts.flatMap(health),
      ...(await Promise.all(servers.map(skew))),
      ...certificates(address, servers),
    ];
  } catch (error) {
    throw unavailable(error);
  } finally {
    client.disconnect();
  }
}

function describe(facts: Facts): string {
  return `${productOf(facts)} (${facts.info.get("connected_slaves") ?? 0} replicas)`;
}

/** The durability that is asked for, and whether these servers can give it now. */
function reached({ durability, replicas = 1 }: RedisConnectOptions, facts: Facts[]): Finding {
  const levels = facts.map(persistence);
  const disk = !levels.includes("weaker");
  const least = Math.min(...facts.map(({ info }) => Number(info.get("connected_slaves") ?? 0)));
  const remedy =
    "Set Redis up for it, or ask for less with LATCHKEY_DURABILITY: docs/operations.md, Durability.";
  if (durability === "replica") {
    const message = `replica: a durable change waits for ${replicas} of ${least} replicas`;
    return least >= replicas ? found("durability", message) : wrong("durability", message, remedy);
  }
  const onDisk = levels.includes("waitable")
    ? "is waited for until it is on the disk"
    : "is on the disk when it is answered";
  if (durability === "disk") {
    return disk
      ? found("durability", `disk: a durable change ${onDisk}`)
      : wrong("durability", "disk: Redis does not write to disk before it answers", remedy);
  }
  return levels.every((level) => level === "always")
    ? found("durability", "configured: every change is on the disk before it is acknowledged")
    : doubtful("durability", "configured: a crash of Redis may lose acknowledged changes", remedy);
}

/** What a server says went wrong, and what is about to. */
function health({ info }: Facts): Finding[] {
  const findings: Finding[] = [];
  if (info.get("aof_last_write_status") === "err")
    findings.push(
      wrong("redis disk", "the last write to the append-only file failed", "Make room on Redis's disk."),
    );
  const [used, most] = ["used_memory", "maxmemory"].map((name) => Number(info.get(name) ?? 0));
  if (most && used && used > 0.9 * most)
    findings.push(
      doubtful(
        "redis memory",
        `${Math.round((100 * used) / most)} % of maxmemory is used`,
        "Raise maxmemory: when it is full, nothing can be written.",
      ),
    );
  if (info.get("cluster_enabled") === "1" && info.get("cluster_state") === "fail")
    findings.push(
      wrong(
        "redis cluster",
        "the cluster does not serve all slots",
        "Look at CLUSTER INFO and CLUSTER NODES.",
      ),
    );
  return findings;
}

/** Expiry is Redis's, times in tokens are ours. */
async function skew(server: Redis): Promise<Finding> {
  const before = Date.now();
  const [seconds = 0, micros = 0] = (await server.time()).map(Number);
  const after = Date.now();
  const theirs = seconds * 1000 + micros / 1000;
  // Whatever the answer's way took is nobody's skew.
  const apart = Math.round(Math.max(0, theirs - after, before - theirs));
  const message = `the clocks of Redis (${nameOf(server)}) and of this machine are ${apart} ms apart`;
  const remedy = "Keep both clocks right with NTP.";
  if (apart > WRONG_SKEW) return wrong("redis clock", message, remedy);
  return apart > SKEW ? doubtful("redis clock", message, remedy) : found("redis clock", message);
}
