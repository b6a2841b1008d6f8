/** Is this Redis fit to keep accounts? Asked at boot, and before writes that must not be lost. */
import type { Redis } from "ioredis";
import { type Client, masters } from "./connections.ts";

/** What is wrong with a Redis. Each sentence says what to do about it. */
export interface Fitness {
  /** Reasons not to start. */
  refusals: string[];
  /** Reasons to worry. */
  warnings: string[];
}

/** How far a Redis goes before it answers a write. */
export type Persistence =
  /** Every write is on disk before its answer. */
  | "always"
  /** A write can be waited for: `WAITAOF`, from 7.2 on. */
  | "waitable"
  /** Acknowledged writes may be lost. */
  | "weaker";

/** What durable writes will ask for; see `RedisStoreOptions`. */
export interface Expectations {
  durability?: "configured" | "disk" | "replica";
  replicas?: number;
}

/** What a server says of itself. */
export interface Facts {
  version: [major: number, minor: number];
  info: Map<string, string>;
  /** `undefined` when the server does not tell. */
  fsync: string | undefined;
}

/**
 * Looks at version, role, eviction and persistence of every master.
 *
 * @example
 * ```ts
 * import { Redis } from "ioredis";
 * import { checkRedis } from "latchkey/redis";
 * const redis = new Redis();
 * const { refusals, warnings } = await checkRedis(redis);
 * ```
 */
export async function checkRedis(client: Client, expected: Expectations = {}): Promise<Fitness> {
  const facts = await Promise.all((await masters(client)).map(ask));
  const judged = facts.map((found) => judge(found, expected));
  return {
    refusals: [...new Set(judged.flatMap(({ refusals }) => refusals))],
    warnings: [...new Set(judged.flatMap(({ warnings }) => warnings))],
  };
}

/** The weakest persistence among the masters. */
export async function persistenceOf(client: Client): Promise<Persistence> {
  const facts = await Promise.all((await masters(client)).map(ask));
  // While it reads its append-only file, a server says that it keeps none.
  if (facts.some(({ info }) => info.get("loading") === "1")) throw new Error("LOADING");
  const found = facts.map(persistence);
  return (["weaker", "waitable"] as const).find((level) => found.includes(level)) ?? "always";
}

export async function ask(server: Redis): Promise<Facts> {
  const info = new Map<string, string>();
  for (const line of (await server.info()).split("\r\n")) {
    const [name = "", value] = line.split(/:(.*)/s);
    if (value !== undefined) info.set(name, value);
  }
  const [major = 0, minor = 0] = (info.get("redis_version") ?? "").split(".").map(Number);
  const fsync = await server.config("GET", "appendfsync").then(
    (answer) => (answer as string[])[1],
    (error: Error) => {
      // Hosted servers often forbid CONFIG. An answer that was lost says nothing about them.
      if (error.name !== "ReplyError") throw error;
      return undefined;
    },
  );
  return { version: [major, minor], info, fsync };
}

export function persistence({ info, fsync, version }: Facts): Persistence {
  if (info.get("aof_enabled") !== "1") return "weaker";
  if (fsync === "always") return "always";
  return isAtLeast(version, 7, 2) ? "waitable" : "weaker";
}

function isAtLeast([major, minor]: Facts["version"], wantedMajor: number, wantedMinor: number): boolean {
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function judge(facts: Facts, expected: Expectations): Fitness {
  const { version, info } = facts;
  const refusals = [];
  const policy = info.get("maxmemory_policy");
  if (!isAtLeast(version, 6, 2)) {
    refusals.push(`Redis ${version.join(".")} is too old. Use 6.2 or newer.`);
  }
  if (policy !== undefined && policy !== "noeviction") {
    refusals.push(
      `Redis may evict passkeys and sessions: maxmemory-policy is ${policy}. Set it to noeviction.`,
    );
  }
  if (info.get("role") === "slave") {
    refusals.push("This Redis is a replica and takes no writes. Name the master.");
  }
  return { refusals, warnings: [...diskWarnings(facts, expected), ...replicaWarnings(facts, expected)] };
}

function diskWarnings({ info, fsync }: Facts, { durability }: Expectations): string[] {
  if (info.get("aof_enabled") !== "1") {
    return ["Redis keeps no append-only file: a crash loses accounts. Set appendonly to yes."];
  }
  // Replicas answer for what the disk does not have yet.
  if (durability === "replica") return [];
  if (fsync === undefined) {
    return ["Redis does not tell when it writes to disk. Make sure that appendfsync is always."];
  }
  return fsync === "always"
    ? []
    : [`A power cut may lose acknowledged changes: appendfsync is ${fsync}. Set it to always.`];
}

function replicaWarnings({ info }: Facts, { durability, replicas = 1 }: Expectations): string[] {
  const connected = Number(info.get("connected_slaves") ?? 0);
  if (durability !== "replica" || connected >= replicas) return [];
  return [
    `A master has ${connected} connected replicas, and durable changes wait for ${replicas}: until they are there, ` +
      "no passkey is registered. Start the replicas, or lower what is asked for with LATCHKEY_DURABILITY.",
  ];
}
