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
  /** Under way, and decisive: when one of them rejects, nothing of the request is stored. */
  deciding: Promise<unknown>[];
}

/** The store as one request sees it; outside a request every call goes straight to the store. */
export interface UnitOfWork {
  /** Runs a request and then sends what it held back, all at once; rejects when any of it was not stored. */
  run<T>(request: () => Promise<T>, subject?: object): Promise<T>;
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
  /**
   * Takes a record away. `take` starts at once and nobody waits for it, but nothing that was held back is sent before
   * it has succeeded: of two requests that take the same record, the one that comes second leaves nothing behind.
   */
  dismiss(key: Key, take: () => Promise<unknown>): Promise<void>;
  /** Waits for what is being taken: for whatever must not be done by a request that comes second. */
  decided(): Promise<void>;
  /** The store itself, for those who know nothing of requests: it reads each key once, and again after it wrote. */
  readonly store: Store;
}

/** What tells one request from another: an object of the request's own that stands in a context. */
export type RequestContext = Pick<AsyncLocalStorage<object>, "run" | "getStore">;

/**
 * @param context where the server's library keeps its own idea of the request: each context costs every promise of
 * every request a little, so there is only one
 */
export function unitOfWork(
  store: Store,
  context: RequestContext = new AsyncLocalStorage<object>(),
): UnitOfWork {
  const works = new WeakMap<object, Work>();
  const current = () => {
    const subject = context.getStore();
    return subject && works.get(subject);
  };
  const reading = readsOf(store, current);
  const writing = writesOf(store, current);
  const forget = (key: Key) => {
    current()?.held.delete(key);
    current()?.reads.delete(key);
  };
  return {
    ...reading,
    ...writing,
    forget,
    store: forgetful(store, reading.read, forget),
    run(request, subject = {}) {
      const work: Work = { held: new Map(), reads: new Map(), deciding: [] };
      works.set(subject, work);
      return context.run(subject, async () => {
        const result = await request();
        if (work.deciding.length > 0 || work.held.size > 0) await flush(work);
        // Whatever is still under way is on its own: nobody sends for it any more.
        works.delete(subject);
        return result;
      });
    },
  };
}

async function flush({ deciding, held }: Work): Promise<void> {
  if (deciding.length > 0) await Promise.all(deciding);
  if (held.size > 0) await Promise.all([...held.values()].map(({ send }) => send()));
}

type Current = () => Work | undefined;

function readsOf(
  store: Store,
  current: Current,
): Pick<UnitOfWork, "read" | "prefetch" | "before" | "version"> {
  function fetch(work: Work, key: Key): Promise<Stored<unknown> | undefined> {
    const known = work.reads.get(key);
    if (known) return known;
    const reading = store.read(key);
    // A prefetched read that nobody comes to want must not end the process when it fails.
    reading.catch(() => {});
    work.reads.set(key, reading);
    return reading;
  }

  async function before<T>(key: Key): Promise<Stored<T> | undefined> {
    const work = current();
    return (await (work ? work.reads.get(key) : store.read(key))) as Stored<T> | undefined;
  }

  return {
    read<T>(key: Key): Promise<Stored<T> | undefined> {
      const work = current();
      if (!work) return store.read<T>(key);
      const held = work.held.get(key);
      return (held ? Promise.resolve(held.stored) : fetch(work, key)) as Promise<Stored<T> | undefined>;
    },
    prefetch(key) {
      const work = current();
      if (work && !work.held.has(key)) void fetch(work, key);
    },
    before,
    version: async (key) => (await before(key))?.version ?? "absent",
  };
}

function writesOf(
  store: Store,
  current: Current,
): Pick<UnitOfWork, "write" | "hold" | "dismiss" | "decided"> {
  const hold: UnitOfWork["hold"] = async (key, value, send) => {
    const work = current();
    if (work) work.held.set(key, { stored: { value, version: newVersion() }, send });
    else await send();
  };
  return {
    hold,
    write: (key, value, ttl) => hold(key, value, () => store.write(key, value, { ttl })),
    async dismiss(key, take) {
      const work = current();
      if (!work) return void (await take());
      work.held.delete(key);
      work.reads.set(key, Promise.resolve(undefined));
      const taking = take();
      // A request that fails on its own asks for it no more.
      taking.catch(() => {});
      work.deciding.push(taking);
    },
    async decided() {
      await Promise.all(current()?.deciding ?? []);
    },
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
    bulk: store.bulk,
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
