/** {@link Bulk} of the embedded store. */
import { createHash } from "node:crypto";
import type { Bulk, Item } from "../bulk.ts";
import * as limits from "../limits.ts";
import type { Key } from "../store.ts";
import { type Cell, type LmdbDatabase, NEVER } from "./database.ts";
import * as keys from "./keys.ts";

/** Records, counters, members and log entries; markers and expiries follow from them. */
const SORTS = ["r", "c", "m", "l"] as const;

export function lmdbBulk(database: LmdbDatabase): Bulk {
  return {
    async *dump() {
      for (const letter of SORTS) yield* pages(database, Buffer.from(letter));
    },
    load: (items) =>
      database.transact(() => items.filter((item) => put(database, item)).length, items.length > 0),
    holds: (items) => database.look(() => items.map((item) => holds(database, item))),
    settle: () => database.transact(() => {}, true),
  };
}

async function* pages(database: LmdbDatabase, prefix: Buffer): AsyncGenerator<Item[]> {
  let start = prefix;
  for (;;) {
    const page = await database.look(() => database.range(prefix, { start, limit: limits.BATCH }));
    const last = page.at(-1);
    if (!last) return;
    const now = database.end(0);
    yield page.flatMap((cell) => itemOf(cell, now));
    start = keys.following(last.key);
  }
}

function itemOf({ key, rest, expires }: Cell & { key: Buffer }, now: number): Item[] {
  const ttl = expires - now;
  const lasting = expires === NEVER ? {} : { ttl };
  switch (key.toString("latin1", 0, 1)) {
    case "r": {
      if (rest.startsWith("!")) return [];
      const space = rest.indexOf(" ");
      const record = { version: rest.slice(0, space), json: rest.slice(space + 1), ...lasting };
      return [{ sort: "record", key: key.toString("utf8", 1) as Key, ...record }];
    }
    case "c":
      return [{ sort: "counter", key: key.toString("utf8", 1) as Key, count: Number(rest), ttl }];
    case "m": {
      const { name, inner } = keys.innerOf(key);
      return [{ sort: "member", key: name as Key, member: inner.toString(), ...lasting }];
    }
    default: {
      const { name } = keys.innerOf(key);
      return [{ sort: "event", key: name as Key, json: rest, place: String(keys.numberOf(key)) }];
    }
  }
}

/** Only inside a transaction; true when it was not there like this. */
function put(database: LmdbDatabase, item: Item): boolean {
  const before = database.get(cellKey(item));
  switch (item.sort) {
    case "record": {
      const same = before?.rest.startsWith(`${item.version} `) === true;
      const rest = `${item.version} ${item.json}`;
      if (!same) database.put(keys.recordKey(item.key), { rest, expires: database.end(item.ttl) });
      return !same;
    }
    case "counter": {
      const rest = String(item.count);
      database.put(keys.counterKey(item.key), { rest, expires: database.end(item.ttl) });
      return before?.rest !== rest;
    }
    case "member":
      database.put(keys.memberKey(item.key, item.member), { rest: "", expires: database.end(item.ttl) });
      return before === undefined;
    case "event": {
      if (before) return false;
      database.put(cellKey(item), { rest: "", expires: NEVER });
      const entry = keys.entryKey(item.key, Number(item.place));
      database.put(entry, { rest: item.json, expires: NEVER });
      return true;
    }
  }
}

function holds(database: LmdbDatabase, item: Item): boolean {
  const cell = database.get(cellKey(item));
  return cell !== undefined && !cell.rest.startsWith("!");
}

/** Where it is seen whether something is there; of an event its marker. */
function cellKey(item: Item): Buffer {
  switch (item.sort) {
    case "record":
      return keys.recordKey(item.key);
    case "counter":
      return keys.counterKey(item.key);
    case "member":
      return keys.memberKey(item.key, item.member);
    case "event":
      return keys.markerKey(item.key, createHash("sha256").update(item.json).digest());
  }
}
