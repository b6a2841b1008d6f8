/** How commands reach Redis: repeated when their answer is lost, given up in time, and kept when they must be. */
import type { Redis } from "ioredis";
import { LatchkeyError, refuse } from "../../errors.ts";
import { newVersion } from "../record.ts";
import type { Millis } from "../store.ts";
import { type Client, connected, happened, keyOnEach } from "./connections.ts";
import { DurableWrites, isTimeout } from "./durable.ts";
import { type Persistence, persistenceOf } from "./fitness.ts";
import * as scripts from "./scripts.ts";

/**
 * What `durable` asks of Redis. `disk`: the write is on the master's disk, or it is refused. `replica`: so many
 * replicas have it, so that it survives the loss of the master. `configured`: what the operator set Redis up for,
 * knowing that a crash may lose acknowledged writes.
 */
export type RedisDurability = "configured" | "disk" | "replica";

/** How long a command waits for a lost connection to come back; past that, commands fail at once. */
const PATIENCE: Millis = 1_000;
const ATTEMPTS = 3;
/** How long a client may take to notice that its connection is gone. */
const TORN: Millis = 50;
/** How long the answer about Redis's persistence is believed. */
const TRUST: Millis = 30_000;
/** How long a key stays that was only written to be confirmed. */
const FLEETING: Millis = 1_000;
/** Answers that mean: not here, not now. */
const PASSING = /^(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|UNBLOCKED|MOVED|ASK)\b/;

const NOT_DURABLE =
  "Redis does not write to disk before it answers: set appendonly to yes and appendfsync to always " +
  "(from Redis 8.0 on, everysec will do).";

export class RedisLink {
  readonly client: Client;
  readonly #durability: RedisDurability;
  readonly #watching: () => void;
  #lostAt: number | undefined;
  #returning: Promise<void> | undefined;
  #persistence: { level: Promise<Persistence>; until: number } | undefined;
  readonly #durable: DurableWrites;

  constructor(client: Client, durability: RedisDurability, replicas: number) {
    this.client = client;
    this.#durability = durability;
    this.#durable = new DurableWrites(client, durability === "replica" ? { replicas } : "disk");
    this.#watching = () => {
      this.#lostAt ??= performance.now();
      this.#persistence = undefined;
    };
    client.on("close", this.#watching);
  }

  /** Sends one command; after a lost answer, sends it again. Rejects with `store_unavailable` when it stays lost. */
  send<T>(command: () => Promise<T>, attempts = ATTEMPTS, unsure?: unknown): Promise<T> {
    this.#gather();
    // No function that waits stands in the way of the answer that comes: there are twenty of them in a sign-in.
    return command().catch((error: unknown) => this.#again(command, attempts, error, unsure));
  }

  async #again<T>(command: () => Promise<T>, attempts: number, first: unknown, unsure: unknown): Promise<T> {
    let error = first;
    let doubt = false;
    for (let attempt = 1; ; attempt++) {
      doubt ||= wasSent(error);
      if (error instanceof LatchkeyError || error instanceof TypeError) throw error;
      if (attempt >= attempts || !isPassing(error) || !(await this.#isBack())) throw unavailable(error);
      try {
        this.#gather();
        const answer = await command();
        if (!doubt || unsure === undefined || String(answer) !== String(unsure)) return answer;
      } catch (next) {
        error = next;
        continue;
      }
      throw unavailable(
        new Error("the first answer was lost, and the second one does not tell what became of it"),
      );
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
  run<T>(script: scripts.Script, key: string, ...args: (string | number)[]): Promise<T> {
    return this.send(() => this.#evaluate<T>(script, key, args), ATTEMPTS, script.unsure);
  }

  /** Runs a script whose effect must survive a crash. Each attempt asks anew: Redis may come back set up otherwise. */
  runDurably<T>(script: scripts.Script, key: string, ...args: (string | number)[]): Promise<T> {
    if (this.#durability === "configured") return this.run(script, key, ...args);
    return this.send(
      async () => {
        if (this.#durability === "replica") return this.#durable.run<T>(script, key, args);
        const persistence = await this.#knownPersistence();
        if (persistence === "always") return this.#evaluate<T>(script, key, args);
        if (persistence === "waitable") return this.#waitedFor<T>(script, key, args);
        throw refuse("store_not_durable", { detail: NOT_DURABLE });
      },
      ATTEMPTS,
      script.unsure,
    );
  }

  /**
   * Waits until everything that was written before is kept, by whomever: what confirms a write confirms all that came to
   * its server earlier. `named` makes keys, of which one is written on each server.
   */
  async settle(named: (n: number) => string): Promise<void> {
    if (this.#durability === "configured") return;
    const keys = await this.send(() => keyOnEach(this.client, named));
    await Promise.all(keys.map((key) => this.runDurably(scripts.put, key, newVersion(), "{}", FLEETING)));
  }

  /** What was not confirmed may be one of the settings: they are asked for again. */
  async #waitedFor<T>(script: scripts.Script, key: string, args: (string | number)[]): Promise<T> {
    return this.#durable.run<T>(script, key, args).catch((error: unknown) => {
      if (error instanceof LatchkeyError) this.#persistence = undefined;
      throw error;
    });
  }

  /** Ends what this link opened; the client itself belongs to whoever made it. */
  close(): void {
    this.client.off("close", this.#watching);
    this.#durable.close();
  }

  #evaluate<T>(script: scripts.Script, key: string, args: (string | number)[]): Promise<T> {
    const known = this.client.evalsha(script.sha, 1, key, ...args) as Promise<T>;
    return known.catch((error: unknown) => {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return this.client.eval(script.lua, 1, key, ...args) as Promise<T>;
    });
  }

  #knownPersistence(): Promise<Persistence> {
    if (this.#persistence && performance.now() < this.#persistence.until) return this.#persistence.level;
    const level = persistenceOf(this.client);
    this.#persistence = { level, until: performance.now() + TRUST };
    // What is not good enough is asked again: somebody may be mending it.
    const forget = () => {
      this.#persistence = undefined;
    };
    level.then((known) => known === "weaker" && forget(), forget);
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

/** Waits until the client is connected, for as long as `patience`. */
async function returned(client: Client, patience: Millis): Promise<void> {
  // A connection can be torn while its client still thinks that it stands.
  if (client.status === "ready") await happened(client, "close", TORN);
  await connected(client, patience);
}

/** Whether a command that failed so may have been carried out: neither refused by Redis nor kept back here. */
function wasSent(error: unknown): boolean {
  if (!(error instanceof Error) || error.name === "ReplyError") return false;
  return !PASSING.test(error.message) && !/isn't (writeable|ready)/.test(error.message);
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof Error) || isTimeout(error)) return false;
  return error.name !== "ReplyError" || PASSING.test(error.message);
}

/** An error of ioredis carries the command with its arguments, and Redis repeats them in some messages. */
export function unavailable(error: unknown): LatchkeyError {
  const message = error instanceof Error ? error.message : String(error);
  const cause = new Error(message.split(/,? with args/)[0]?.slice(0, 200));
  return refuse("store_unavailable", { cause });
}
