/**
 * The store on Redis: a command or a script on one key each, so that a cluster runs the same code.
 *
 * Records are at `<prefix><kind>:<id>`, so an operator finds them; counters, sets and logs are at
 * `<prefix>#counter:`, `#set:` and `#log:` and cannot be taken for records.
 */
import type { Cluster, Redis } from "ioredis";
import type { Event } from "../events.ts";
import type { Bulk } from "./bulk.ts";
import * as limits from "./limits.ts";
import { newVersion } from "./record.ts";
import { RedisBulk } from "./redis/bulk.ts";
import { redisExamination } from "./redis/examination.ts";
import { type RedisDurability, RedisLink } from "./redis/link.ts";
import * as scripts from "./redis/scripts.ts";
import { type Found, RedisWalk } from "./redis/walk.ts";
import type * as port from "./store.ts";

export { checkRedis, type Fitness } from "./redis/fitness.ts";
export type { RedisDurability } from "./redis/link.ts";

export interface RedisStoreOptions {
  /** Begins every key. Default `latchkey:`. */
  prefix?: string;
  /** Default `disk`. */
  durability?: RedisDurability;
  /** How many replicas `durability: "replica"` waits for. Default 1. */
  replicas?: number;
}

const PREFIX = "latchkey:";

/**
 * A store on the host's own client; closing the store leaves the client open.
 *
 * A client with an offline queue keeps requests waiting while Redis is away; `enableOfflineQueue: false` and a
 * `commandTimeout` let them fail in time.
 *
 * @throws TypeError for a cluster client that reads from replicas
 * @example
 * ```ts
 * import { Redis } from "ioredis";
 * import { redisStore } from "latchkey/redis";
 * const store = redisStore(new Redis({ enableOfflineQueue: false, commandTimeout: 1_000 }));
 * ```
 */
export function redisStore(client: Redis | Cluster, options: RedisStoreOptions = {}): port.Store {
  return new RedisStore(client, options);
}

class RedisStore implements port.Store {
  readonly driver = "redis";
  readonly bulk: Bulk;
  readonly examination: port.Examination;
  readonly #link: RedisLink;
  readonly #client: Redis | Cluster;
  readonly #prefix: string;
  readonly #walk: RedisWalk;

  constructor(client: Redis | Cluster, options: RedisStoreOptions) {
    if (typeof client?.evalsha !== "function" || typeof client.options !== "object")
      throw new TypeError("redisStore(): client is none of ioredis; give it new Redis(…) or new Cluster(…).");
    const { scaleReads = "master" } = client.options as { scaleReads?: unknown };
    if (scaleReads !== "master")
      throw new TypeError("A store reads from masters: leave scaleReads at master.");
    this.#client = client;
    this.#link = new RedisLink(client, options.durability ?? "disk", options.replicas ?? 1);
    this.#prefix = options.prefix ?? PREFIX;
    this.examination = redisExamination(client);
    this.#walk = new RedisWalk(this.#link, this.#prefix);
    this.bulk = new RedisBulk(this.#link, this.#walk, this.#prefix);
  }

  async read<T>(key: port.Key): Promise<port.Stored<T> | undefined> {
    if (!limits.canExist(key)) return undefined;
    const record = await this.#link.send(() => this.#client.get(this.#record(key)));
    return live<T>(record);
  }

  async write<T>(key: port.Key, value: T, options: port.WriteOptions = {}): Promise<void> {
    limits.requireKey(key);
    const ttl = limits.span(options.ttl);
    const record = `${newVersion()} ${limits.toJson(value)}`;
    await this.#link.send(() =>
      ttl === undefined
        ? this.#client.set(this.#record(key), record)
        : this.#client.set(this.#record(key), record, "PX", ttl),
    );
  }

  async commit<T>(key: port.Key, value: T, options: port.CommitOptions): Promise<boolean> {
    limits.requireKey(key);
    limits.requireVersion(options.version);
    const ttl = limits.span(options.ttl) ?? "";
    const args = [options.expect, options.version, limits.toJson(value), ttl];
    // Numbers are texts where the host's client wants them so (`stringNumbers`).
    return Number(await this.#change(options.durable, scripts.commit, this.#record(key), ...args)) === 1;
  }

  async take<T>(key: port.Key, op: port.Op): Promise<T | undefined> {
    const mark = limits.mark(op);
    if (!limits.canExist(key)) return undefined;
    const record = await this.#link.run<string | null>(
      scripts.take,
      this.#record(key),
      mark,
      limits.TAKEN_FOR,
    );
    return record === null ? undefined : parse<T>(record).value;
  }

  async remove(key: port.Key, options: { durable?: boolean } = {}): Promise<void> {
    if (limits.canExist(key)) await this.#change(options.durable, scripts.remove, this.#record(key));
  }

  async count(key: port.Key, window: port.Millis): Promise<number> {
    limits.requireKey(key);
    return Number(await this.#link.run(scripts.count, this.#other("counter", key), limits.span(window)));
  }

  async join(set: port.Key, member: string, ttl?: port.Millis): Promise<void> {
    limits.requireKey(set, member);
    const joined = await this.#link.run(
      scripts.join,
      this.#other("set", set),
      member,
      limits.span(ttl) ?? "",
    );
    if (Number(joined) === 0) throw new TypeError(limits.MIXED);
  }

  async leave(set: port.Key, member: string): Promise<void> {
    if (!limits.canExist(set, member)) return;
    await this.#link.send(() => this.#client.zrem(this.#other("set", set), member));
  }

  async members(set: port.Key, { after, limit = limits.PAGE }: port.Range = {}): Promise<string[]> {
    if (!limits.canExist(set, after)) return [];
    const start = after === undefined ? "-" : `(${after}`;
    return this.#link.run(scripts.members, this.#other("set", set), start, limit);
  }

  async append(log: port.Key, event: Event, op: port.Op): Promise<void> {
    limits.mark(op);
    limits.requireKey(log);
    await this.#link.run(scripts.append, this.#other("log", log), limits.toJson(event));
  }

  async *tail(log: port.Key, from?: port.Cursor): AsyncGenerator<{ event: Event; cursor: port.Cursor }> {
    if (!limits.canExist(log)) return;
    const key = this.#other("log", log);
    let cursor = from ?? "0";
    let page: string[];
    do {
      page = await this.#link.send(() =>
        this.#client.zrangebyscore(key, `(${cursor}`, "+inf", "WITHSCORES", "LIMIT", 0, limits.BATCH),
      );
      for (let i = 0; i < page.length; i += 2) {
        cursor = page[i + 1] ?? cursor;
        yield { event: JSON.parse(page[i] ?? ""), cursor };
      }
    } while (page.length === 2 * limits.BATCH);
  }

  /** Keys come from the walk's own connections, and so do their values, but for a key that moved meanwhile. */
  async *scan(kind: port.Kind, from?: port.Cursor): AsyncGenerator<port.Batch> {
    limits.requireKind(kind);
    for await (const { found, next } of this.#walk.pages(kind, from)) {
      const entries = await Promise.all(found.map((entry) => this.#entry(entry)));
      yield { entries: entries.filter((entry) => entry !== undefined), next };
    }
  }

  async ping(): Promise<void> {
    await this.#link.send(() => this.#client.ping(), 1);
  }

  /** Redis removes what expired itself. */
  async sweep(): Promise<number> {
    return 0;
  }

  async close(): Promise<void> {
    this.#walk.close();
    this.#link.close();
  }

  #record(key: port.Key): string {
    return this.#prefix + key;
  }

  /** No kind begins with `#`. */
  #other(sort: "counter" | "set" | "log", key: port.Key): string {
    return `${this.#prefix}#${sort}:${key}`;
  }

  #change<T>(
    durable: boolean | undefined,
    script: scripts.Script,
    key: string,
    ...args: (string | number)[]
  ): Promise<T> {
    return durable ? this.#link.runDurably(script, key, ...args) : this.#link.run(script, key, ...args);
  }

  async #entry({ key, record }: Found): Promise<port.Entry | undefined> {
    const stored = record === undefined ? await this.read<unknown>(key) : live<unknown>(record);
    return stored && { key, ...stored };
  }
}

function live<T>(record: string | null): port.Stored<T> | undefined {
  return record === null || record.startsWith("!") ? undefined : parse<T>(record);
}

function parse<T>(record: string): port.Stored<T> {
  const space = record.indexOf(" ");
  return { version: record.slice(0, space), value: JSON.parse(record.slice(space + 1)) as T };
}
