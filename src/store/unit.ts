/**
 * One request's work on the store: its plain writes are held back and go out together, before the answer does.
 *
 * The library behind the OpenID endpoints awaits each write on its own; a sign-in would wait for ten of them one after
 * another. Held back, they leave in one go. That is sound because nothing is answered before they are stored: when
 * the flush fails, the caller takes cookies and redirects back. Whatever decides something (commit, take, remove)
 * is never held back, and reads see what is held back.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { newVersion } from "./record.ts";
import type { Key, Millis, Store, Stored, Version } from "./store.ts";

interface Held {
  stored: Stored<unknown>;
  send(): Promise<unknown>;
}

interface Work {
  held: Map<Key, Held>;
  reads: Map<Key, Promise<Stored<unknown> | undefined>>;
}

/** The store as one request sees it; outside a request every call goes straight to the store. */
export interface UnitOfWork {
  /** Runs a request and then sends what it held back, all at once; rejects when any of it was not stored. */
  run<T>(request: () => Promise<T>): Promise<T>;
  /** Reads once per request: a second read of the same key gets the first one's answer. */
  read<T>(key: Key): Promise<Stored<T> | undefined>;
  /** Starts a read that is going to be wanted, so that nobody waits for it later. */
  prefetch(key: Key): void;
  /** What this request read under a key, held writes aside. */
  before<T>(key: Key): Promise<Stored<T> | undefined>;
  /** The version of that; `absent` when it read none: for commits that are held back. */
  version(key: Key): Promise<Version | "absent">;
  /** Forgets what was read or held back under a key, because the store has moved on. */
  forget(key: Key): void;
  write(key: Key, value: unknown, ttl: Millis): Promise<void>;
  /** Holds back any single-key operation whose outcome the request itself does not need. */
  hold(key: Key, value: unknown, send: () => Promise<unknown>): Promise<void>;
  /** The store itself, for those who know nothing of requests: it reads each key once, and again after it wrote. */
  readonly store: Store;
}

export function unitOfWork(store: Store): UnitOfWork {
  const current = new AsyncLocalStorage<Work>();

  function forget(key: Key): void {
    const work = current.getStore();
    work?.held.delete(key);
    work?.reads.delete(key);
  }

  function fetch(work: Work, key: Key): Promise<Stored<unknown> | undefined> {
    const known = work.reads.get(key);
    if (known) return known;
    const reading = store.read(key);
    // A prefetched read that nobody comes to want must not end the process when it fails.
    reading.catch(() => {});
    work.reads.set(key, reading);
    return reading;
  }

  async function hold(key: Key, value: unknown, send: () => Promise<unknown>): Promise<void> {
    const work = current.getStore();
    if (!work) return void (await send());
    const stored = { value, version: newVersion() };
    work.held.set(key, { stored, send });
  }

  async function before<T>(key: Key): Promise<Stored<T> | undefined> {
    const work = current.getStore();
    return (await (work ? work.reads.get(key) : store.read(key))) as Stored<T> | undefined;
  }

  async function read<T>(key: Key): Promise<Stored<T> | undefined> {
    const work = current.getStore();
    if (!work) return store.read<T>(key);
    return (work.held.get(key)?.stored ?? (await fetch(work, key))) as Stored<T> | undefined;
  }

  return {
    store: forgetful(store, read, forget),
    run: (request) =>
      current.run({ held: new Map(), reads: new Map() }, async () => {
        const result = await request();
        const { held } = current.getStore() as Work;
        if (held.size > 0) await Promise.all([...held.values()].map(({ send }) => send()));
        return result;
      }),
    read,
    prefetch(key) {
      const work = current.getStore();
      if (work && !work.held.has(key)) void fetch(work, key);
    },
    before,
    version: async (key) => (await before(key))?.version ?? "absent",
    forget,
    write: (key, value, ttl) => hold(key, value, () => store.write(key, value, { ttl })),
    hold,
  };
}

/** The store with the reads of one request; whatever may have changed a key has it read again. */
function forgetful(store: Store, read: Store["read"], forget: (key: Key) => void): Store {
  const after = <T>(key: Key, change: () => Promise<T>): Promise<T> => {
    forget(key);
    return change();
  };
  return {
    driver: store.driver,
    read,
    write: (key, value, options) => after(key, () => store.write(key, value, options)),
    commit: (key, value, options) => after(key, () => store.commit(key, value, options)),
    take: (key, op) => after(key, () => store.take(key, op)),
    remove: (key, options) => after(key, () => store.remove(key, options)),
    count: (key, window) => store.count(key, window),
    join: (set, member, ttl) => store.join(set, member, ttl),
    leave: (set, member) => store.leave(set, member),
    members: (set, range) => store.members(set, range),
    append: (log, event, op) => store.append(log, event, op),
    tail: (log, from) => store.tail(log, from),
    scan: (kind, from) => store.scan(kind, from),
    ping: () => store.ping(),
    sweep: () => store.sweep(),
    close: () => store.close(),
  };
}
