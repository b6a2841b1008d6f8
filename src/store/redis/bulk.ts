/** {@link Bulk} of Redis: a walk over every key of every master, each read in steps of its own. */
import type { Bulk, Item } from "../bulk.ts";
import * as limits from "../limits.ts";
import { inPortions } from "../portions.ts";
import type { Key } from "../store.ts";
import type { RedisLink } from "./link.ts";
import * as scripts from "./scripts.ts";
import type { RedisWalk } from "./walk.ts";

/** Begins the keys that are no records; see `redis.ts`. */
const OTHER = /^#(counter|set|log):(.+)$/s;

export class RedisBulk implements Bulk {
  readonly #link: RedisLink;
  readonly #walk: RedisWalk;
  readonly #prefix: string;

  constructor(link: RedisLink, walk: RedisWalk, prefix: string) {
    this.#link = link;
    this.#walk = walk;
    this.#prefix = prefix;
  }

  async *dump(): AsyncGenerator<Item[]> {
    for await (const found of this.#walk.keys()) {
      const single = found.filter((key) => !/^#(set|log):/.test(key));
      const items = await inPortions(single, (key) => this.#single(key));
      yield items.flatMap((item) => item ?? []);
      for (const key of found) {
        const [, sort, name] = OTHER.exec(key) ?? [];
        if (sort === "set") yield* this.#members(key, name as Key);
        if (sort === "log") yield* this.#events(key, name as Key);
      }
    }
  }

  async load(items: readonly Item[]): Promise<number> {
    const changed = await inPortions(items, (item) => this.#put(item));
    return changed.filter(Boolean).length;
  }

  holds(items: readonly Item[]): Promise<boolean[]> {
    return inPortions(items, (item) => this.#holds(item));
  }

  settle(): Promise<void> {
    return this.#link.settle((n) => `${this.#prefix}lock:settle-${n}`);
  }

  /** A record or a counter; nothing when it has gone since the walk saw it. */
  async #single(key: string): Promise<Item | undefined> {
    const { client } = this.#link;
    const [text, lives] = await this.#link.send(() =>
      Promise.all([client.get(this.#prefix + key), client.pttl(this.#prefix + key)]),
    );
    const left = Number(lives);
    if (text === null || text.startsWith("!") || left === -2) return undefined;
    const [, sort, name] = OTHER.exec(key) ?? [];
    if (sort) return { sort: "counter", key: name as Key, count: Number(text), ttl: Math.max(1, left) };
    const space = text.indexOf(" ");
    const record = { version: text.slice(0, space), json: text.slice(space + 1) };
    return { sort: "record", key: key as Key, ...record, ...(left < 0 ? {} : { ttl: Math.max(1, left) }) };
  }

  async *#members(key: string, set: Key): AsyncGenerator<Item[]> {
    let cursor = "0";
    do {
      const [now, next, pairs] = await this.#link.run<[string, string, string[]]>(
        scripts.page,
        this.#prefix + key,
        cursor,
        limits.BATCH,
      );
      const items: Item[] = [];
      for (let i = 0; i < pairs.length; i += 2) {
        const ends = Number(pairs[i + 1]);
        const member = { sort: "member", key: set, member: pairs[i] ?? "" } as const;
        if (ends === 0) items.push(member);
        else if (ends > Number(now)) items.push({ ...member, ttl: ends - Number(now) });
      }
      yield items;
      cursor = next;
    } while (cursor !== "0");
  }

  async *#events(key: string, log: Key): AsyncGenerator<Item[]> {
    let place = "-inf";
    let page: string[];
    do {
      page = await this.#link.send(() =>
        this.#link.client.zrangebyscore(
          ...([this.#prefix + key, place, "+inf", "WITHSCORES", "LIMIT", 0, limits.BATCH] as const),
        ),
      );
      const items: Item[] = [];
      for (let i = 0; i < page.length; i += 2)
        items.push({ sort: "event", key: log, json: page[i] ?? "", place: page[i + 1] ?? "" });
      yield items;
      place = `(${page.at(-1)}`;
    } while (page.length === 2 * limits.BATCH);
  }

  async #put(item: Item): Promise<boolean> {
    const key = this.#keyOf(item);
    switch (item.sort) {
      case "record": {
        const args = [item.version, item.json, limits.span(item.ttl) ?? ""];
        return isOne(await this.#link.run(scripts.put, key, ...args));
      }
      case "counter":
        return isOne(await this.#link.run(scripts.putCounter, key, item.count, limits.span(item.ttl)));
      case "member": {
        const held = await this.#holds(item);
        await this.#link.run(scripts.join, key, item.member, limits.span(item.ttl) ?? "");
        return !held;
      }
      case "event":
        return isOne(await this.#link.send(() => this.#link.client.zadd(key, "NX", item.place, item.json)));
    }
  }

  async #holds(item: Item): Promise<boolean> {
    const { client } = this.#link;
    const key = this.#keyOf(item);
    if (item.sort === "record") {
      const head = await this.#link.send(() => client.getrange(key, 0, 0));
      return head !== "" && head !== "!";
    }
    if (item.sort === "counter") return isOne(await this.#link.send(() => client.exists(key)));
    const member = item.sort === "member" ? item.member : item.json;
    return (await this.#link.send(() => client.zscore(key, member))) !== null;
  }

  #keyOf({ sort, key }: Item): string {
    const names = { record: "", counter: "#counter:", member: "#set:", event: "#log:" };
    return this.#prefix + names[sort] + key;
  }
}

/** A client may be set to give numbers as texts. */
const isOne = (answer: unknown): boolean => Number(answer) === 1;
