/** Removes what expired, now and then, while a server runs. */
import { randomInt } from "node:crypto";
import { newVersion } from "./record.ts";
import type { Millis, Store } from "./store.ts";

type Sweepable = Pick<Store, "sweep">;

export interface SweeperOptions {
  /** Time between the end of one sweep and the start of the next. */
  every: Millis;
  /** How much of `every` is left to chance, so that many servers do not sweep at once; 0 to 1, default 0.2. */
  jitter?: number;
  /** Is told when a sweep failed; the next one is tried all the same. */
  log?: { warn(fields: { err: unknown }, message: string): void };
}

/** Starts sweeping; `stop` lets a running sweep end. Does not keep the process alive. */
export function startSweeper(
  store: Sweepable,
  { every, jitter = 0.2, log }: SweeperOptions,
): { stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;
  const schedule = () => {
    if (stopped) return;
    timer = setTimeout(sweep, every * (1 - (jitter * randomInt(1000)) / 1000)).unref();
  };
  const sweep = () => {
    running = store
      .sweep()
      .then(
        () => {},
        (err: unknown) => log?.warn({ err }, "sweeping the store failed"),
      )
      .then(schedule);
  };
  schedule();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      return running;
    },
  };
}

/** A walk over everything is one instance's work at a time, whoever comes first. */
export function inTurn(store: Store, name: string, every: Millis, walk: Sweepable): Sweepable {
  return {
    async sweep() {
      const turn = { expect: "absent", version: newVersion(), ttl: every / 2 } as const;
      return (await store.commit(`lock:${name}`, {}, turn)) ? walk.sweep() : 0;
    },
  };
}
