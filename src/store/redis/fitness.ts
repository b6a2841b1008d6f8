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
  /** A write can be waited for: `WAITAOF`. */
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
  /** While its append-only file is made anew, nothing is synced, whatever `fsync` says. */
  pauses: boolean;
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
  const settings: string[] = await server.config("GET", "*appendfsync*").then(
    (answer) => answer as string[],
    (error: Error) => {
      // Hosted servers often forbid CONFIG. An answer that was lost says nothing about them.
      if (error.name !== "ReplyError") throw error;
      return [];
    },
  );
  const setting = (name: string) => settings[settings.indexOf(name) + 1];
  const fsync = settings.length > 0 ? setting("appendfsync") : undefined;
  return { version: [major, minor], info, fsync, pauses: setting("no-appendfsync-on-rewrite") === "yes" };
}

/** What a server is: Valkey goes by two versions, one of its own and that of the Redis it is compatible with. */
export function productOf({ info }: Facts): string {
  const valkey = info.get("valkey_version");
  return valkey === undefined ? `Redis ${info.get("redis_version")}` : `Valkey ${valkey}`;
}

export function persistence(facts: Facts): Persistence {
  const { info, fsync, pauses } = facts;
  if (info.get("aof_enabled") !== "1") return "weaker";
  if (fsync === "always" && !pauses) return "always";
  // With `no` the operating system writes some time, and a server that does not ask for it never confirms it.
  return fsync !== "no" && confirmsTruly(facts) ? "waitable" : "weaker";
}

/**
 * `WAITAOF` is there from 7.2 on. But what is written within a second of the last sync is confirmed before it is synced
 * by Redis 7.4 (redis/redis#13793) and, as seen in the system calls of 8.0.1 and 8.1.1, by Valkey.
 */
function confirmsTruly({ version, info }: Facts): boolean {
  return !info.has("valkey_version") && isAtLeast(version, 8, 0);
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

function diskWarnings(facts: Facts, { durability = "disk" }: Expectations): string[] {
  const { info, fsync } = facts;
  if (info.get("aof_enabled") !== "1") {
    return ["Redis keeps no append-only file: a crash loses accounts. Set appendonly to yes."];
  }
  // Replicas answer for what the disk does not have yet.
  if (durability === "replica") return [];
  const level = persistence(facts);
  if (level === "always" || (level === "waitable" && durability === "disk")) return [];
  const otherwise = level === "waitable" ? ", or set LATCHKEY_DURABILITY to disk" : "";
  if (fsync === undefined) {
    return [`Redis does not tell when it writes to disk. Make sure that appendfsync is always${otherwise}.`];
  }
  if (fsync === "always") {
    return [
      `A power cut while Redis rewrites its file may lose acknowledged changes. Set no-appendfsync-on-rewrite to no${otherwise}.`,
    ];
  }
  return [
    `A power cut may lose acknowledged changes: appendfsync is ${fsync}. Set it to always${otherwise}.`,
  ];
}

function replicaWarnings({ info }: Facts, { durability, replicas = 1 }: Expectations): string[] {
  const connected = Number(info.get("connected_slaves") ?? 0);
  if (durability !== "replica" || connected >= replicas) return [];
  return [
    `A master has ${connected} connected replicas, and durable changes wait for ${replicas}: until they are there, ` +
      "no passkey is registered. Start the replicas, or lower what is asked for with LATCHKEY_DURABILITY.",
  ];
}
