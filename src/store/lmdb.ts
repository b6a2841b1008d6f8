/**
 * The embedded store: one LMDB folder, shared by every process of this machine that opens it.
 *
 * Whatever decides runs inside a write transaction, of which LMDB has one at a time across processes. Reads see the
 * newest committed state and take no lock.
 */
import { createHash } from "node:crypto";
import { type Clock, systemClock } from "../clock.ts";
import { LatchkeyError, refuse } from "../errors.ts";
import type { Event } from "../events.ts";
import type { Bulk } from "./bulk.ts";
import * as limits from "./limits.ts";
import { lmdbBulk } from "./lmdb/bulk.ts";
import { type Cell, LmdbDatabase, NEVER } from "./lmdb/database.ts";
import { lmdbExamination } from "./lmdb/examination.ts";
import * as keys from "./lmdb/keys.ts";
import { newVersion } from "./record.ts";
import type * as port from "./store.ts";

/**
 * Opens the embedded store; the folder is made when it is missing, for its owner only.
 *
 * Several processes may open the same folder. Not for network file systems.
 *
 * @param path - the folder, absolute or relative to the working directory
 * @throws `store_refused` when the folder cannot be used
 * @example
 * ```ts
 * import { lmdbStore } from "latchkey/lmdb";
 * const store = lmdbStore("./data");
 * ```
 */
export function lmdbStore(path: string, options: { clock?: Clock } = {}): port.Store {
  try {
    return new LmdbStore(new LmdbDatabase(path, options.clock ?? systemClock), path);
  } catch (cause) {
    if (cause instanceof LatchkeyError) throw cause;
    throw refuse("store_refused", { detail: `The folder ${path} cannot be opened as a store.`, cause });
  }
}

class LmdbStore implements port.Store {
  readonly driver = "lmdb";
  readonly examination: port.Examination;
  readonly bulk: Bulk;
  readonly #database: LmdbDatabase;

  constructor(database: LmdbDatabase, path: string) {
    this.#database = database;
    this.bulk = lmdbBulk(database);
    this.examination = lmdbExamination(database, path);
  }

  async read<T>(key: port.Key): Promise<port.Stored<T> | undefined> {
    if (!limits.canExist(key)) return undefined;
    const cell = await this.#database.look(() => this.#database.get(keys.recordKey(key)));
    return cell && !isTaken(cell) ? parse<T>(cell.rest) : undefined;
  }

  async write<T>(key: port.Key, value: T, { ttl }: port.WriteOptions = {}): Promise<void> {
    limits.requireKey(key);
    const rest = `${newVersion()} ${limits.toJson(value)}`;
    const lasts = limits.span(ttl);
    await this.#database.transact(() => {
      this.#database.put(keys.recordKey(key), { rest, expires: this.#database.end(lasts) });
    });
  }

  async commit<T>(key: port.Key, value: T, options: port.CommitOptions): Promise<boolean> {
    limits.requireKey(key);
    limits.requireVersion(options.version);
    const rest = `${options.version} ${limits.toJson(value)}`;
    const lasts = limits.span(options.ttl);
    return this.#database.transact(() => {
      const record = keys.recordKey(key);
      const cell = this.#database.get(record);
      const found = cell && !isTaken(cell) ? versionOf(cell) : "absent";
      if (found === options.version) return true;
      if (found !== options.expect) return false;
      this.#database.put(record, { rest, expires: this.#database.end(lasts) });
      return true;
    }, options.durable);
  }

  async take<T>(key: port.Key, op: port.Op): Promise<T | undefined> {
    const mark = limits.mark(op);
    if (!limits.canExist(key)) return undefined;
    const text = await this.#database.transact(() => {
      const record = keys.recordKey(key);
      const cell = this.#database.get(record);
      if (!cell) return undefined;
      if (cell.rest.startsWith(mark)) return cell.rest.slice(mark.length);
      if (isTaken(cell)) return undefined;
      const expires = Math.min(cell.expires, this.#database.end(limits.TAKEN_FOR));
      this.#database.put(record, { rest: mark + cell.rest, expires });
      return cell.rest;
    });
    return text === undefined ? undefined : parse<T>(text).value;
  }

  async remove(key: port.Key, options: { durable?: boolean } = {}): Promise<void> {
    if (!limits.canExist(key)) return;
    await this.#database.transact(() => this.#database.remove(keys.recordKey(key)), options.durable);
  }

  async count(key: port.Key, window: port.Millis): Promise<number> {
    limits.requireKey(key);
    const lasts = limits.span(window);
    return this.#database.transact(() => {
      const counter = keys.counterKey(key);
      const { rest, expires } = this.#database.get(counter) ?? {
        rest: "0",
        expires: this.#database.end(lasts),
      };
      const count = Number(rest) + 1;
      this.#database.put(counter, { rest: String(count), expires });
      return count;
    });
  }

  async join(set: port.Key, member: string, ttl?: port.Millis): Promise<void> {
    limits.requireKey(set, member);
    const lasts = limits.span(ttl);
    const mixed = await this.#database.transact(() => {
      const kept = this.#isOrdered(set);
      if (kept !== undefined && kept !== (lasts === undefined)) return true;
      const key = keys.memberKey(set, member);
      // A member stays as long as its longest join.
      const expires = Math.max(this.#database.end(lasts), this.#database.get(key)?.expires ?? 0);
      this.#database.put(key, { rest: "", expires });
      return false;
    });
    if (mixed) throw new TypeError(limits.MIXED);
  }

  async leave(set: port.Key, member: string): Promise<void> {
    if (!limits.canExist(set, member)) return;
    await this.#database.transact(() => this.#database.remove(keys.memberKey(set, member)));
  }

  async members(set: port.Key, { after, limit = limits.PAGE }: port.Range = {}): Promise<string[]> {
    if (!limits.canExist(set, after)) return [];
    const prefix = keys.memberKey(set);
    const found = await this.#database.look(() => {
      if (!this.#isOrdered(set)) return this.#database.range(prefix, { limit: Number.POSITIVE_INFINITY });
      const start = after === undefined ? prefix : keys.following(keys.memberKey(set, after));
      return this.#database.range(prefix, { start, limit });
    });
    return found.map(({ key }) => keys.behind(key, prefix));
  }

  async append(log: port.Key, event: Event, op: port.Op): Promise<void> {
    limits.mark(op);
    limits.requireKey(log);
    const rest = limits.toJson(event);
    const marker = keys.markerKey(log, createHash("sha256").update(rest).digest());
    await this.#database.transact(() => {
      if (this.#database.get(marker)) return;
      const last = this.#database.last(keys.entryPrefix(log));
      // Microseconds, as Redis has them; always behind the newest, whatever the clock does.
      const number = Math.max(this.#database.end(0) * 1000, last ? keys.numberOf(last) + 1 : 0);
      this.#database.put(marker, { rest: "", expires: NEVER });
      this.#database.put(keys.entryKey(log, number), { rest, expires: NEVER });
    });
  }

  async *tail(log: port.Key, from?: port.Cursor): AsyncGenerator<{ event: Event; cursor: port.Cursor }> {
    if (!limits.canExist(log)) return;
    const start = from === undefined ? undefined : keys.following(keys.entryKey(log, Number(from)));
    for await (const page of this.#walk(keys.entryPrefix(log), start)) {
      for (const { key, rest } of page) yield { event: JSON.parse(rest), cursor: String(keys.numberOf(key)) };
    }
  }

  async *scan(kind: port.Kind, from?: port.Cursor): AsyncGenerator<port.Batch> {
    limits.requireKind(kind);
    const prefix = keys.recordKey(`${kind}:`);
    const start = from === undefined ? undefined : keys.following(keys.recordKey(`${kind}:${from}`));
    for await (const page of this.#walk(prefix, start)) {
      const entries = page
        .filter((cell) => !isTaken(cell))
        .map(({ key, rest }) => ({
          key: `${kind}:${keys.behind(key, prefix)}` as const,
          ...parse<unknown>(rest),
        }));
      yield { entries, next: keys.behind(page.at(-1)?.key ?? prefix, prefix) };
    }
  }

  async ping(): Promise<void> {
    await this.#database.look(() => this.#database.get(keys.recordKey("")));
  }

  async sweep(): Promise<number> {
    await this.#database.look(() => this.#database.forgetDeadReaders());
    let total = 0;
    for (;;) {
      const { seen, removed } = await this.#database.transact(() => this.#database.prune(limits.BATCH));
      total += removed;
      if (seen < limits.BATCH) return total;
    }
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  /** Whether the live members of a set are kept; undefined when it has none. */
  #isOrdered(set: port.Key): boolean | undefined {
    const [first] = this.#database.range(keys.memberKey(set), { limit: 1 });
    return first && first.expires === NEVER;
  }

  /** Pages of live cells; between two of them no read transaction is held. */
  async *#walk(prefix: Buffer, start = prefix): AsyncGenerator<(Cell & { key: Buffer })[]> {
    let page: (Cell & { key: Buffer })[];
    let from = start;
    do {
      page = await this.#database.look(() =>
        this.#database.range(prefix, { start: from, limit: limits.BATCH }),
      );
      const last = page.at(-1);
      if (!last) return;
      from = keys.following(last.key);
      yield page;
    } while (page.length === limits.BATCH);
  }
}

function isTaken({ rest }: Cell): boolean {
  return rest.startsWith("!");
}

function versionOf({ rest }: Cell): port.Version {
  return rest.slice(0, rest.indexOf(" "));
}

function parse<T>(rest: string): port.Stored<T> {
  const space = rest.indexOf(" ");
  return { version: rest.slice(0, space), value: JSON.parse(rest.slice(space + 1)) as T };
}
