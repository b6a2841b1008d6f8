/**
 * The port to storage. One law: **every operation touches exactly one key.**
 *
 * The record is the aggregate, so the rules that matter cannot be raced: both sides of the race write the same
 * record. That is why one Redis, Sentinel, Cluster and the embedded store run the same domain code.
 *
 * Every operation may be repeated after a lost answer. A version is an opaque token that the writer chooses for
 * each write and never uses twice; `commit` is true when the stored version is the expected one *or already the
 * new one*, and `take` gives the same `op` the value again for a minute.
 */
import type { Event } from "../events.ts";
import type { Bulk } from "./bulk.ts";

/** Milliseconds; always a span, never a date: the store's clock decides. */
export type Millis = number;
/** The first part of a key, up to the colon, in letters, digits, `_` and `-`; what {@link Store.scan} walks. */
export type Kind = string;
/** At most 1,900 bytes, a set's together with its member's. A key that cannot be is absent to readers. */
export type Key = `${Kind}:${string}`;
/** Opaque, chosen by the writer, at most 32 characters of `[A-Za-z0-9_-]`; see `newVersion`. */
export type Version = string;
/** Names one attempt of one caller; a repeated call with the same op is the same call. */
export type Op = string;
/** Where a walk goes on; opaque, valid for the driver that gave it. */
export type Cursor = string;

export interface Stored<T> {
  value: T;
  version: Version;
}

export interface Entry {
  key: Key;
  value: unknown;
  version: Version;
}

/** Some entries of a walk; `next` goes on after them. An entry may come twice, none is left out. */
export interface Batch {
  entries: Entry[];
  next: Cursor;
}

/** A page of an ordered set: members after `after`, at most `limit` (default 100). */
export interface Range {
  after?: string;
  limit?: number;
}

export interface WriteOptions {
  /** Gone after this time; without it, kept. */
  ttl?: Millis;
}

export interface CommitOptions extends WriteOptions {
  /** The version that was read, or that there was no record (an expired one counts as absent). */
  expect: Version | "absent";
  /** The version this write gives the record. */
  version: Version;
  /** Return only when the write survives what the store was set up to survive; refuses with `store_not_durable`. */
  durable?: boolean;
}

/** A key with what stands under it, as bytes: for whoever looks for what must not be there. */
export interface Piece {
  /** What the driver calls it: for a report. */
  place: string;
  bytes: Buffer;
}

/** What an examination of the store itself needs. For operators, never for a request. */
export interface Examination {
  /** Everything that the store would hand out, whoever put it there. */
  everything(): AsyncIterable<Piece>;
  /** The files that the data lies in, as far as this process can read them. */
  files(): Promise<string[]>;
  /** Writes the files anew where that is the driver's to do, so that what was removed is in none of them. */
  rewrite(): Promise<void>;
}

/** See the module's own description. Values are JSON; `undefined` members are dropped. */
export interface Store {
  /** `lmdb` or `redis`: for messages and the log, never for decisions. */
  readonly driver: string;
  read<T>(key: Key): Promise<Stored<T> | undefined>;
  /** The last writer wins: sessions, tokens. */
  write<T>(key: Key, value: T, options?: WriteOptions): Promise<void>;
  /** Compare and set: false when somebody else was faster. */
  commit<T>(key: Key, value: T, options: CommitOptions): Promise<boolean>;
  /** Gives the value to exactly one caller and removes it. */
  take<T>(key: Key, op: Op): Promise<T | undefined>;
  remove(key: Key, options?: { durable?: boolean }): Promise<void>;
  /** Adds one to a fixed-window counter and returns it. A repeat after a lost answer may count once more. */
  count(key: Key, window: Millis): Promise<number>;
  /** Adds a member to a set that is either expiring (every join has a `ttl`) or ordered (none has). */
  join(set: Key, member: string, ttl?: Millis): Promise<void>;
  leave(set: Key, member: string): Promise<void>;
  /** Of an ordered set a page, in byte order; of an expiring set all live members, in no order. */
  members(set: Key, range?: Range): Promise<string[]>;
  /** Adds an event to a log. An op belongs to one event: repeated, however late, it adds nothing. */
  append(log: Key, event: Event, op: Op): Promise<void>;
  /** Events of a log in the order they were appended, from the cursor on (exclusive). Ends at the newest. */
  tail(log: Key, from?: Cursor): AsyncIterable<{ event: Event; cursor: Cursor }>;
  /** Walks all records of a kind. For operators and migrations, never for a request. */
  scan(kind: Kind, from?: Cursor): AsyncIterable<Batch>;
  /** All that the store keeps, for copies and backups. For operators, never for a request. */
  readonly bulk: Bulk;
  /** Rejects with `store_unavailable` unless the store answers; for readiness. */
  ping(): Promise<void>;
  /** Removes what expired and what a crash left behind, in bounded batches; returns how many entries went. */
  sweep(): Promise<number>;
  close(): Promise<void>;
  /** Absent where a driver cannot look into itself. */
  readonly examination?: Examination;
}
