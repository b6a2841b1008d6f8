/** How commands reach Redis: repeated when their answer is lost, given up in time, and kept when they must be. */
import type { Cluster, Redis } from "ioredis";
import { LatchkeyError, refuse } from "../errors.ts";
import { type Persistence, persistenceOf } from "./redis-fitness.ts";
import type { Script } from "./redis-scripts.ts";
import type { Millis } from "./store.ts";

/**
 * What `durable` asks of Redis: `disk`, that the write is on the master's disk, or a refusal; `configured`, what the
 * operator set Redis up for, knowing that a crash may lose acknowledged writes.
 */
export type RedisDurability = "disk" | "configured";

/** How long a command waits for a lost connection to come back; past that, commands fail at once. */
const PATIENCE: Millis = 1_000;
const ATTEMPTS = 3;
/** How long a client may take to notice that its connection is gone. */
const TORN: Millis = 50;
/** How long the answer about Redis's persistence is believed. */
const TRUST: Millis = 30_000;
/** How long a write to disk is waited for; where Redis writes once a second, one takes that long and a little more. */
const WAIT: Millis = 2_000;
/** Answers that mean: not here, not now. */
const PASSING = /^(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|UNBLOCKED)\b/;

const NOT_DURABLE =
  "Redis does not write to disk before it answers: set appendonly to yes and appendfsync to always.";

type Client = Redis | Cluster;

export class RedisLink {
  readonly client: Client;
  readonly #durability: RedisDurability;
  readonly #watching: () => void;
  #lostAt: number | undefined;
  #returning: Promise<void> | undefined;
  #persistence: { level: Promise<Persistence>; until: number } | undefined;
  #writer: Redis | undefined;

  constructor(client: Client, durability: RedisDurability) {
    this.client = client;
    this.#durability = durability;
    this.#watching = () => {
      this.#lostAt ??= performance.now();
      this.#persistence = undefined;
    };
    client.on("close", this.#watching);
  }

  /** Sends one command; after a lost answer, sends it again. Rejects with `store_unavailable` when it stays lost. */
  send<T>(command: () => Promise<T>, attempts = ATTEMPTS): Promise<T> {
    this.#gather();
    // No function that waits stands in the way of the answer that comes: there are twenty of them in a sign-in.
    return command().catch((error: unknown) => this.#again(command, attempts, error));
  }

  async #again<T>(command: () => Promise<T>, attempts: number, first: unknown): Promise<T> {
    let error = first;
    for (let attempt = 1; ; attempt++) {
      if (error instanceof LatchkeyError || error instanceof TypeError) throw error;
      if (attempt >= attempts || !isPassing(error) || !(await this.#isBack())) throw unavailable(error);
      try {
        this.#gather();
        return await command();
      } catch (next) {
        error = next;
      }
    }
  }

  /** The commands of one turn of the event loop leave in one write, whoever sent them: the write is what costs. */
  #gather(): void {
    const { stream } = this.client as Partial<Redis>;
    if (!stream || stream.writableCorked > 0) return;
    stream.cork();
    setImmediate(() => stream.uncork());
  }

  /** Runs a script on its one key. */
  run<T>(script: Script, key: string, ...args: (string | number)[]): Promise<T> {
    return this.send(() => this.#evaluate<T>(script, key, args));
  }

  /** Runs a script whose effect must survive a crash. Each attempt asks anew: Redis may come back set up otherwise. */
  runDurably<T>(script: Script, key: string, ...args: (string | number)[]): Promise<T> {
    if (this.#durability === "configured") return this.run(script, key, ...args);
    return this.send(async () => {
      const persistence = await this.#knownPersistence();
      if (persistence === "always") return this.#evaluate<T>(script, key, args);
      if (persistence === "waitable" && !this.client.isCluster)
        return this.#evaluateAndWait<T>(script, key, args);
      throw refuse("store_not_durable", { detail: NOT_DURABLE });
    });
  }

  /** Ends what this link opened; the client itself belongs to whoever made it. */
  close(): void {
    this.client.off("close", this.#watching);
    this.#writer?.disconnect();
  }

  #evaluate<T>(script: Script, key: string, args: (string | number)[]): Promise<T> {
    const known = this.client.evalsha(script.sha, 1, key, ...args) as Promise<T>;
    return known.catch((error: unknown) => {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return this.client.eval(script.lua, 1, key, ...args) as Promise<T>;
    });
  }

  /**
   * The write and the wait in one go on one connection, kept for such writes: `WAITAOF` confirms what its own
   * connection has written, and whoever shares it waits too.
   */
  async #evaluateAndWait<T>(script: Script, key: string, args: (string | number)[]): Promise<T> {
    this.#writer ??= durableConnection(this.client as Redis);
    const both = this.#writer.pipeline().eval(script.lua, 1, key, ...args);
    const [written, waited] = (await both.call("WAITAOF", "1", "0", WAIT).exec()) ?? [];
    if (written?.[0]) throw written[0];
    if (waited?.[0]) throw waited[0];
    if (((waited?.[1] as number[] | undefined)?.[0] ?? 0) < 1) throw refuse("store_not_durable");
    return written?.[1] as T;
  }

  #knownPersistence(): Promise<Persistence> {
    if (this.#persistence && performance.now() < this.#persistence.until) return this.#persistence.level;
    const level = persistenceOf(this.client);
    this.#persistence = { level, until: performance.now() + TRUST };
    level.catch(() => {
      this.#persistence = undefined;
    });
    return level;
  }

  /** Waits for the connection; false when it has been away for too long. All who wait, wait together. */
  async #isBack(): Promise<boolean> {
    if (this.client.status === "end") return false;
    const left = PATIENCE - (this.#lostAt === undefined ? 0 : performance.now() - this.#lostAt);
    if (this.client.status !== "ready" && left <= 0) return false;
    this.#returning ??= returned(this.client, left).finally(() => {
      this.#returning = undefined;
    });
    await this.#returning;
    if (this.client.status !== "ready") return false;
    this.#lostAt = undefined;
    return true;
  }
}

/** Connections of our own: no command waits for a connection, none is sent twice behind our back. */
export const OWN_CONNECTION = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: 1_000,
  connectTimeout: 2_000,
  // A peer that vanished without a word is noticed here; the next commands go to a new connection.
  socketTimeout: 3_000,
  retryStrategy: (times: number) => Math.min(25 * 2 ** times, 1_000),
  // After a failover the old master says READONLY until the connection is made anew.
  reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
} as const;

/** A connection that others do not wait behind. */
function durableConnection(client: Redis): Redis {
  const own = client.duplicate({ ...OWN_CONNECTION, commandTimeout: WAIT + 500, enableOfflineQueue: true });
  // Without a listener ioredis prints its errors.
  return own.on("error", () => {});
}

/** Waits until the client is connected, for as long as `patience`. */
async function returned(client: Client, patience: Millis): Promise<void> {
  // A connection can be torn while its client still thinks that it stands.
  if (client.status === "ready") await happened(client, "close", TORN);
  if (client.status !== "ready") await happened(client, "ready", patience);
}

function happened(client: Client, event: "ready" | "close", patience: Millis): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, patience);
    client.once(event, done);
    function done() {
      clearTimeout(timer);
      client.off(event, done);
      resolve();
    }
  });
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof Error) || error.message === "Command timed out") return false;
  return error.name !== "ReplyError" || PASSING.test(error.message);
}

/** An error of ioredis carries the command with its arguments, and Redis repeats them in some messages. */
export function unavailable(error: unknown): LatchkeyError {
  const message = error instanceof Error ? error.message : String(error);
  const cause = new Error(message.split(/,? with args/)[0]?.slice(0, 200));
  return refuse("store_unavailable", { cause });
}
