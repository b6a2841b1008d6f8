/**
 * A journal of what a store has acknowledged, kept by its client alone: whatever happened to the store, the journal
 * says what must be there afterwards.
 */
import { setTimeout as pause } from "node:timers/promises";
import { onTestFinished, vi } from "vitest";
import { newVersion } from "../../src/store/record.ts";
import type { Key, Store } from "../../src/store/store.ts";

export interface Journal {
  /** Durable changes that were acknowledged so far. */
  readonly length: number;
  /** Changes that were not; some of them may be there all the same. */
  readonly refused: number;
  /** How long the slowest answer took, whatever it was; milliseconds. */
  readonly slowest: number;
  /** Waits until so many more were acknowledged. */
  more(count: number, timeout?: number): Promise<void>;
  /** Lets the writers finish what they do. */
  stop(): Promise<void>;
  /** Acknowledged changes that a store does not have. */
  lost(store: Store): Promise<Key[]>;
}

/** Writers that commit durably, one record after another, until they are stopped. */
export function startJournal(store: Store, writers = 16, kind = "journal"): Journal {
  const acknowledged: Key[] = [];
  let refused = 0;
  let slowest = 0;
  let writing = true;
  const running = Array.from({ length: writers }, async (_, writer) => {
    for (let i = 0; writing; i++) {
      const key = `${kind}:${writer}-${i}` as const;
      const how = { expect: "absent", version: newVersion(), durable: true } as const;
      const at = performance.now();
      const done = await store.commit(key, i, how).catch(() => false);
      slowest = Math.max(slowest, performance.now() - at);
      if (done) acknowledged.push(key);
      else {
        refused++;
        // A store that refuses at once is not to be asked a thousand times a second.
        await pause(5);
      }
    }
  });
  onTestFinished(() => {
    writing = false;
  });
  return {
    get length() {
      return acknowledged.length;
    },
    get refused() {
      return refused;
    },
    get slowest() {
      return slowest;
    },
    async more(count, timeout = 30_000) {
      const enough = acknowledged.length + count;
      await vi.waitUntil(() => acknowledged.length >= enough, { timeout, interval: 5 });
    },
    async stop() {
      writing = false;
      await Promise.all(running);
    },
    async lost(other) {
      const lost: Key[] = [];
      for (const key of acknowledged)
        if ((await patiently(() => other.read(key))) === undefined) lost.push(key);
      return lost;
    },
  };
}

/** Asks until there is an answer: a store may still be finding its way back. */
export async function patiently<T>(ask: () => Promise<T>, timeout = 20_000): Promise<T> {
  let answer: { value: T } | undefined;
  await vi.waitUntil(
    async () => {
      answer = await ask().then(
        (value) => ({ value }),
        () => undefined,
      );
      return answer !== undefined;
    },
    { timeout, interval: 20 },
  );
  return (answer as unknown as { value: T }).value;
}
