/** Walks over all keys of a kind, one master after another, on connections of their own. */

import * as limits from "../limits.ts";
import type { Cursor, Key, Kind, Millis } from "../store.ts";
import { type Client, isCluster, masters, type Node, nameOf, SideConnections } from "./connections.ts";
import type { RedisLink } from "./link.ts";

/** A key and what stood there; `undefined` when another server has it now. */
export interface Found {
  key: Key;
  record: string | null | undefined;
}

const START = "0";
const END = "end";
/** A step of a walk may take longer than a request's command. */
const PATIENCE: Millis = 5_000;

export class RedisWalk {
  readonly #link: RedisLink;
  readonly #prefix: string;
  readonly #connections: SideConnections;

  constructor(link: RedisLink, prefix: string) {
    this.#link = link;
    this.#prefix = prefix;
    this.#connections = new SideConnections(link.client, PATIENCE);
  }

  /**
   * The cursor names a master, its process and the place in it. Another process has its keys in another order, so
   * there the walk of this master begins anew, and where the master itself is gone, the whole walk.
   */
  async *pages(kind: Kind, from?: Cursor): AsyncGenerator<{ found: Found[]; next: Cursor }> {
    const [name = "", known, place = START] = from?.split(" ") ?? [];
    const servers = await this.#servers();
    const first = servers.indexOf(name);
    for (const server of first < 0 ? servers : servers.slice(first)) {
      let [run, cursor] = server === name ? [known, place] : [undefined, START];
      while (cursor !== END) {
        const step = await this.#step(server, `${kind}:*`, cursor);
        if (run !== undefined && run !== step.run) cursor = START;
        else {
          cursor = step.next === START ? END : step.next;
          yield { found: await this.#records(server, step.keys), next: `${server} ${step.run} ${cursor}` };
        }
        run = step.run;
      }
    }
  }

  /** Every key there is, without the prefix; one that moves to another server meanwhile may be left out. */
  async *keys(): AsyncGenerator<string[]> {
    for (const server of await this.#servers()) {
      let cursor = START;
      do {
        const { keys, next } = await this.#step(server, "*", cursor);
        yield keys;
        cursor = next;
      } while (cursor !== START);
    }
  }

  close(): void {
    this.#connections.close();
  }

  get #client(): Client {
    return this.#link.client;
  }

  async #servers(): Promise<Node[]> {
    const servers = await this.#link.send(() => masters(this.#client));
    return servers.map(nameOf).sort();
  }

  #to(server: Node) {
    return this.#connections.ready(isCluster(this.#client) ? server : "");
  }

  /** Keys of one step. A client's own `keyPrefix` is added to every command but to this one. */
  #step(server: Node, wanted: string, cursor: string): Promise<{ run: string; next: string; keys: Key[] }> {
    const before = (this.#client.options.keyPrefix ?? "") + this.#prefix;
    const pattern = `${before.replace(/[[\]*?\\^]/g, "\\$&")}${wanted}`;
    return this.#link.send(async () => {
      const asked = (await this.#to(server)).pipeline();
      const [scanned, info] =
        (await asked.scan(cursor, "MATCH", pattern, "COUNT", limits.BATCH).info("server").exec()) ?? [];
      const error = scanned?.[0] ?? info?.[0];
      if (error || !scanned || !info) throw error ?? new Error("no answer");
      const [next, keys] = scanned[1] as [string, string[]];
      const [, run = ""] = /^run_id:(\S+)/m.exec(String(info[1])) ?? [];
      return { run, next, keys: keys.map((key) => key.slice(before.length) as Key) };
    });
  }

  #records(server: Node, keys: Key[]): Promise<Found[]> {
    if (keys.length === 0) return Promise.resolve([]);
    return this.#link.send(async () => {
      const pipeline = (await this.#to(server)).pipeline();
      for (const key of keys) pipeline.get(this.#prefix + key);
      const answers = (await pipeline.exec()) ?? [];
      return keys.map((key, i) => {
        const [error, record] = answers[i] ?? [new Error("no answer")];
        if (error && !/^(MOVED|ASK|TRYAGAIN) /.test(error.message)) throw error;
        return { key, record: error ? undefined : (record as string | null) };
      });
    });
  }
}
