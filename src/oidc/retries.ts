/**
 * What failed once and is tried again in the background: few times, after pauses that chance spreads, and never more
 * of it than fits. It lives in this process alone; what is worth more than that belongs into the store.
 */
import { AsyncResource } from "node:async_hooks";
import type { Millis } from "../store/store.ts";

/** Before the first, second and last retry. */
const PAUSES: readonly Millis[] = [2_000, 10_000, 45_000];
/** For everybody, for one recipient, and at the same time. */
const MOST = 1_000;
const MOST_FOR_ONE = 100;
const AT_ONCE = 8;
/** How long the end of a server waits for what is left. */
const LAST_WAIT: Millis = 5_000;

/** Why something is not tried any more. */
export type Reason = "failed" | "full" | "stopped";

export interface RetriesOptions<T> {
  /** One try; rejects when it failed. */
  attempt(item: T): Promise<unknown>;
  /** Whose turn it takes: one recipient that is away must not be in the way of the others. */
  recipient(item: T): string;
  /** Is told of each thing that will not be tried again. */
  givenUp(item: T, reason: Reason, error?: unknown): void;
  /** A number from 0 up to 1. */
  random?: () => number;
}

export interface Retries<T> {
  /** Takes what has failed once. */
  put(item: T): void;
  /** Tries everything that waits once more, now, and gives up what fails; takes nothing any more. */
  stop(): Promise<void>;
}

/** Half as long to one and a half times as long as planned; undefined after the last retry. */
export function pauseBefore(retry: number, random: number): Millis | undefined {
  const planned = PAUSES[retry - 1];
  return planned === undefined ? undefined : Math.round(planned * (0.5 + random));
}

interface Entry<T> {
  item: T;
  retry: number;
  timer: NodeJS.Timeout | undefined;
}

export function retries<T>(options: RetriesOptions<T>): Retries<T> {
  return new Waiting(options);
}

class Waiting<T> implements Retries<T> {
  readonly #options: RetriesOptions<T>;
  readonly #entries = new Set<Entry<T>>();
  readonly #turn = turns(AT_ONCE);
  /** A timer remembers the request it was set in, with all that hangs on it, for as long as it runs. */
  readonly #outside = new AsyncResource("retries");
  /** Is called when nothing is left, once it is set. */
  #ended: (() => void) | undefined;

  constructor(options: RetriesOptions<T>) {
    this.#options = options;
  }

  put(item: T): void {
    const reason = this.#ended ? "stopped" : this.#isFull(item) ? "full" : undefined;
    if (reason) return void this.#options.givenUp(item, reason);
    const entry: Entry<T> = { item, retry: 1, timer: undefined };
    this.#entries.add(entry);
    this.#outside.runInAsyncScope(() => this.#wait(entry, undefined));
  }

  async stop(): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    if (this.#entries.size === 0) return;
    for (const entry of this.#entries) {
      // What has no timer is being tried just now.
      if (entry.timer === undefined) continue;
      clearTimeout(entry.timer);
      void this.#run(entry);
    }
    const late = setTimeout(() => {
      for (const entry of this.#entries) this.#giveUp(entry, "stopped");
    }, LAST_WAIT);
    await ended;
    clearTimeout(late);
  }

  #isFull(item: T): boolean {
    const { recipient } = this.#options;
    const name = recipient(item);
    const ofOne = [...this.#entries].filter((entry) => recipient(entry.item) === name).length;
    return this.#entries.size >= MOST || ofOne >= MOST_FOR_ONE;
  }

  #wait(entry: Entry<T>, error: unknown): void {
    const pause = pauseBefore(entry.retry, (this.#options.random ?? Math.random)());
    if (this.#ended) this.#giveUp(entry, "stopped", error);
    else if (pause === undefined) this.#giveUp(entry, "failed", error);
    else entry.timer = setTimeout(() => void this.#run(entry), pause).unref();
  }

  async #run(entry: Entry<T>): Promise<void> {
    entry.timer = undefined;
    try {
      // At the end of a server its turn may come too late.
      await this.#turn(async () => this.#entries.has(entry) && this.#options.attempt(entry.item));
      this.#remove(entry);
    } catch (error) {
      entry.retry++;
      this.#wait(entry, error);
    }
  }

  #giveUp(entry: Entry<T>, reason: Reason, error?: unknown): void {
    if (this.#remove(entry)) this.#options.givenUp(entry.item, reason, error);
  }

  #remove(entry: Entry<T>): boolean {
    const was = this.#entries.delete(entry);
    if (was && this.#entries.size === 0) this.#ended?.();
    return was;
  }
}

/** Runs so many at once; the others wait for their turn in the order in which they came. */
function turns(most: number): <R>(work: () => Promise<R>) => Promise<R> {
  const waiting: (() => void)[] = [];
  let free = most;
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}
