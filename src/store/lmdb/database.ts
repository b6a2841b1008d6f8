/** LMDB with expiry: cells that are gone when their time is over, whether or not somebody has removed them yet. */
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { open, type RootDatabase } from "lmdb";
import type { Clock } from "../../clock.ts";
import { LatchkeyError, refuse } from "../../errors.ts";
import type { Millis } from "../store.ts";
import { LmdbGate } from "./gate.ts";
import { EXPIRY, endOf, expiring, expiryKey } from "./keys.ts";

/** What stands under a key. */
export interface Cell {
  rest: string;
  /** Milliseconds since the epoch; {@link NEVER} when it stays. */
  expires: number;
}

export const NEVER = Number.POSITIVE_INFINITY;

/** Every so many transactions one also removes what expired, so that a store nobody sweeps stays small. */
const PRUNE_EVERY = 32;
const PRUNE_ALONG = 64;
/** A disk that does not answer must not hold a request for ever. */
const FLUSH_TIMEOUT: Millis = 10_000;
const CLOSED = "the store is closed";
/** What a file of LMDB begins with, and the smallest page it can have. */
const MAGIC = 0xbeefc0de;
const PAGE = 4096;

export class LmdbDatabase {
  readonly #lmdb: RootDatabase<string, Buffer>;
  readonly #gate: LmdbGate;
  readonly #clock: Clock;
  #transactions = 0;
  readonly #running = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  /** Opens the folder; makes it when it is missing, for its owner only. */
  constructor(path: string, clock: Clock) {
    makeFolder(resolve(path));
    refuseForeign(join(path, "data.mdb"));
    this.#gate = LmdbGate.of(path);
    try {
      const options = { path, noSubdir: false, encoding: "string", keyEncoding: "binary" } as const;
      this.#lmdb = this.#gate.data(() => open(options));
    } catch (error) {
      void this.#gate.close();
      throw error;
    }
    this.#clock = clock;
    // The folder may have been there before us, open to others.
    for (const file of ["data.mdb", "lock.mdb"]) chmodSync(join(path, file), 0o600);
  }

  /** When what is written now ends. */
  end(lasts: Millis | undefined): number {
    return lasts === undefined ? NEVER : this.#clock.now() + lasts;
  }

  /** The live cell under a key. */
  get(key: Buffer): Cell | undefined {
    const text = this.#lmdb.get(key);
    const cell = text === undefined ? undefined : decode(text);
    return cell && cell.expires > this.#clock.now() ? cell : undefined;
  }

  /** Live cells whose keys begin with `prefix`, in byte order. */
  range(
    prefix: Buffer,
    { start = prefix, limit }: { start?: Buffer; limit: number },
  ): (Cell & { key: Buffer })[] {
    const now = this.#clock.now();
    const found = [];
    if (limit < 1) return [];
    for (const { key, value } of this.#lmdb.getRange({ start, end: endOf(prefix) })) {
      const cell = decode(value);
      if (cell.expires > now && found.push({ ...cell, key }) >= limit) break;
    }
    return found;
  }

  /** Cells as they lie, expired ones too, from `start` on. */
  raw(start: Buffer, limit: number): { key: Buffer; text: string }[] {
    const page = this.#lmdb.getRange({ start, limit });
    return [...page].map(({ key, value }) => ({ key: key as unknown as Buffer, text: String(value) }));
  }

  /** The last key that begins with `prefix`. */
  last(prefix: Buffer): Buffer | undefined {
    const [key] = this.#lmdb.getKeys({ start: endOf(prefix), end: prefix, reverse: true, limit: 1 });
    return key;
  }

  /** Only inside {@link transact}. An overwritten cell's expiry stays behind and is found to be void later. */
  put(key: Buffer, cell: Cell): void {
    void this.#lmdb.put(key, encode(cell));
    if (cell.expires !== NEVER) void this.#lmdb.put(expiryKey(cell.expires, key), "");
  }

  /** Only inside {@link transact}. */
  remove(key: Buffer): void {
    void this.#lmdb.remove(key);
  }

  /** Reads the newest committed state: our read transaction may be older than another process's last commit. */
  async look<T>(action: () => T): Promise<T> {
    try {
      if (this.#closing) throw new Error(CLOSED);
      this.#lmdb.resetReadTxn();
      return action();
    } catch (cause) {
      throw await failure(cause);
    }
  }

  /**
   * Runs `action` alone among all writers of the folder. It must not throw: what it wrote before would stay.
   * `durable` waits until the disk has it.
   */
  async transact<T>(action: () => T, durable = false): Promise<T> {
    const running = this.#transaction(action, durable);
    this.#running.add(running);
    try {
      return await running;
    } catch (cause) {
      throw await failure(cause);
    } finally {
      this.#running.delete(running);
    }
  }

  async #transaction<T>(action: () => T, durable: boolean): Promise<T> {
    if (this.#closing) throw new Error(CLOSED);
    let flushed: Promise<unknown> | undefined;
    const result = await this.#gate.within(() => {
      const committed = this.#lmdb.transaction(() => {
        if (++this.#transactions % PRUNE_EVERY === 0) this.prune(PRUNE_ALONG);
        return action();
      });
      // Asked for now, this is the flush of the transaction that was just queued.
      if (durable) flushed = Promise.resolve(this.#lmdb.flushed);
      // When the commit fails, nobody asks for its flush any more.
      flushed?.catch(() => {});
      return committed;
    });
    if (flushed) await within(FLUSH_TIMEOUT, flushed);
    return result;
  }

  /** Removes up to `limit` cells whose time is over; only inside {@link transact}. */
  prune(limit: number): { seen: number; removed: number } {
    const now = this.#clock.now();
    const expiries = [
      ...this.#lmdb.getKeys({ start: EXPIRY, end: expiryKey(now + 1, Buffer.alloc(0)), limit }),
    ];
    let removed = 0;
    for (const expiry of expiries) {
      const key = expiring(expiry);
      const text = this.#lmdb.get(key);
      // A later write may have prolonged the cell; then it has a later expiry too.
      if (text !== undefined && decode(text).expires <= now) {
        void this.#lmdb.remove(key);
        removed++;
      }
      void this.#lmdb.remove(expiry);
    }
    return { seen: expiries.length, removed };
  }

  /** Frees the places of readers that were killed: they would keep old pages from being used again. */
  forgetDeadReaders(): void {
    this.#lmdb.readerCheck();
  }

  /** Ends when what is being written has been written. */
  close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#running).then(() => this.#gate.close());
    return this.#closing;
  }
}

/**
 * LMDB trusts the file it is given and crashes on anything else: look for the mark of its first page, and whether the
 * file is as long as its two descriptions say. What was cut off would end the process when it is read.
 */
function refuseForeign(path: string): void {
  const size = () => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size() === 0) return;
  const file = openSync(path, "r");
  try {
    const described = [0, pageSize(file)].map((at) => lengthAt(file, at));
    if (size() < 2 * PAGE || described[0] === undefined) throw new Error(`${path} is no LMDB file`);
    // Asked for last: somebody may be writing.
    const whole = Math.max(...described.map((length) => length ?? 0));
    if (size() < whole) throw cutOff(path, size(), whole);
  } finally {
    closeSync(file);
  }
}

/** Where its description of itself stands in a page, and what stands there (`MDB_meta`). */
const META = { bytes: 160, magic: 24, pageSize: 48, lastPage: 144 };

function metaAt(file: number, at: number): Buffer | undefined {
  const meta = Buffer.alloc(META.bytes);
  const read = readSync(file, meta, 0, meta.length, at);
  return read === meta.length && meta.readUInt32LE(META.magic) === MAGIC ? meta : undefined;
}

function pageSize(file: number): number {
  return metaAt(file, 0)?.readUInt32LE(META.pageSize) ?? PAGE;
}

function lengthAt(file: number, at: number): number | undefined {
  const meta = metaAt(file, at);
  return meta && (Number(meta.readBigUInt64LE(META.lastPage)) + 1) * meta.readUInt32LE(META.pageSize);
}

function cutOff(path: string, size: number, whole: number): LatchkeyError {
  const detail = `${path} was cut off: it has ${size} bytes of ${whole}. Restore it from a backup.`;
  return refuse("store_refused", { detail });
}

/** `<expiry> <rest>`: milliseconds since the epoch in base 36, or nothing. */
function encode({ expires, rest }: Cell): string {
  return `${expires === NEVER ? "" : expires.toString(36)} ${rest}`;
}

function decode(text: string): Cell {
  const space = text.indexOf(" ");
  return {
    expires: space === 0 ? NEVER : Number.parseInt(text.slice(0, space), 36),
    rest: text.slice(space + 1),
  };
}

async function within(timeout: Millis, flushed: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(refuse("store_not_durable")), timeout);
  });
  await Promise.race([flushed, late]).finally(() => clearTimeout(timer));
}

async function failure(cause: unknown): Promise<unknown> {
  if (cause instanceof LatchkeyError || cause instanceof TypeError) return cause;
  // The reason of a failed commit is a promise of its own; left alone, it would end the process.
  const reason = await (cause as { commitError?: Promise<never> }).commitError?.catch(
    (error: unknown) => error,
  );
  return refuse("store_unavailable", { cause: reason ?? cause });
}

/**
 * Makes a folder and those above it, for its owner only. Node's own `recursive` never comes back where a folder
 * that exists takes no other, as below `/proc`.
 */
function makeFolder(path: string, isTarget = true): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && statSync(path).isDirectory()) return;
    if (code !== "ENOENT" || !isTarget || dirname(path) === path) throw noFolder(path, error);
    makeParents(dirname(path));
    makeFolder(path, false);
  }
}

function makeParents(path: string): void {
  const missing: string[] = [];
  for (let above = path; !existsSync(above); above = dirname(above)) missing.unshift(above);
  for (const folder of missing) makeFolder(folder, false);
}

function noFolder(path: string, cause: unknown): LatchkeyError {
  const detail = `${path} cannot be a folder for data: ${(cause as NodeJS.ErrnoException).code}.`;
  return refuse("store_refused", {
    cause,
    detail: `${detail} Name another one in LATCHKEY_STORE, or make it.`,
  });
}
