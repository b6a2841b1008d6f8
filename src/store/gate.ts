/**
 * A store that writes only while it is ours to write: before a write somebody has looked, at most so long ago, whether
 * the store is still the one that serves. So whoever moves it can wait until nobody writes any more.
 */
import { refuse } from "../errors.ts";
import type { Millis, Store } from "./store.ts";

export interface Gate {
  /** Whether writes are let through, as far as somebody has looked. */
  isOpen(): boolean;
  /** Looks, and remembers for a while. A store that does not answer is what it was. */
  look(): Promise<boolean>;
}

/** How long a look counts. Whoever moves a store waits longer than this, and than a command may take. */
export const LOOKED_FOR: Millis = 2_000;

export function gateOf(isOurs: () => Promise<boolean>): Gate {
  let ours = true;
  let looked = performance.now();
  let looking: Promise<boolean> | undefined;
  const look = async () => {
    const asked = performance.now();
    ours = await isOurs().catch(() => ours);
    looked = asked;
    return ours;
  };
  return {
    isOpen: () => ours && performance.now() - looked < LOOKED_FOR,
    look() {
      looking ??= look().finally(() => {
        looking = undefined;
      });
      return looking;
    },
  };
}

/** Is told how long a change that must not be lost waited until the store kept it. */
export type Kept = (outcome: "kept" | "failed", seconds: number) => void;

/** The store behind the gate. Reads are let through: what has moved may still be looked at. */
export function behindGate(store: Store, gate: Gate, kept?: Kept): Store {
  const write = <T>(operation: () => Promise<T>): Promise<T> =>
    gate.isOpen() ? operation() : gate.look().then((open) => (open ? operation() : closed()));
  return {
    driver: store.driver,
    bulk: store.bulk,
    ...(store.examination ? { examination: store.examination } : {}),
    read: (key) => store.read(key),
    write: (key, value, options) => write(() => store.write(key, value, options)),
    commit: (key, value, options) => {
      const committed = write(() => store.commit(key, value, options));
      return kept && options.durable ? timed(committed, kept) : committed;
    },
    take: (key, op) => write(() => store.take(key, op)),
    remove: (key, options) => write(() => store.remove(key, options)),
    count: (key, window) => write(() => store.count(key, window)),
    join: (set, member, ttl) => write(() => store.join(set, member, ttl)),
    leave: (set, member) => write(() => store.leave(set, member)),
    members: (set, range) => store.members(set, range),
    append: (log, event, op) => write(() => store.append(log, event, op)),
    tail: (log, from) => store.tail(log, from),
    scan: (kind, from) => store.scan(kind, from),
    ping: () => store.ping(),
    sweep: () => write(() => store.sweep()),
    close: () => store.close(),
  };
}

/** Few changes wait for a disk or a replica, and that wait is most of what they cost; nothing else is timed. */
async function timed<T>(change: Promise<T>, kept: Kept): Promise<T> {
  const began = performance.now();
  const tell = (outcome: "kept" | "failed") => kept(outcome, (performance.now() - began) / 1000);
  try {
    const result = await change;
    tell("kept");
    return result;
  } catch (error) {
    tell("failed");
    throw error;
  }
}

function closed(): never {
  throw refuse("store_unavailable", { members: { retry_after: 5 } });
}
