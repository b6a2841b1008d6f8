/** How much hashing happens at once: a flood of passwords must leave the machine to those who come with a passkey. */
import { availableParallelism } from "node:os";
import { refuse } from "../errors.ts";

/** How many wait; whoever comes then is told to come back. */
const QUEUE = 50;

/** Threads of the pool that hashing shares with disk and store, and how many of those it leaves them. */
const POOL = Number(process.env.UV_THREADPOOL_SIZE ?? 4);
const LEFT = 2;

/** At most one for each core but one, shared by the processes behind one port, and never the whole thread pool. */
export function hashesAtOnce(workers = 1, cores = availableParallelism(), pool = POOL): number {
  return Math.max(1, Math.min(Math.floor((cores - 1) / workers), pool - LEFT));
}

export interface Gate {
  /** Runs the work when its turn comes. @throws `service_busy` when too many wait already */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export function gate({ atOnce = hashesAtOnce(), queue = QUEUE } = {}): Gate {
  const waiting: (() => void)[] = [];
  let running = 0;
  const turn = () => {
    if (running < atOnce) {
      running++;
      return undefined;
    }
    if (waiting.length >= queue) throw refuse("service_busy", { members: { retry_after: 5 } });
    return new Promise<void>((resolve) => waiting.push(resolve));
  };
  return {
    async run(work) {
      await turn();
      try {
        return await work();
      } finally {
        // Whoever is next takes over the place, so that nobody slips in between.
        const next = waiting.shift();
        if (next) next();
        else running--;
      }
    },
  };
}
