/**
 * Decides at every store call who goes on: a store for each actor, whose calls wait for their turn, and one seeded
 * order of turns. A schedule is told by its seed alone.
 */
import type { Store } from "../../src/store/store.ts";

/** Small, seeded and good enough to shuffle (mulberry32). */
export function dice(seed: number): (sides: number) => number {
  let state = seed >>> 0;
  return (sides) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
}

interface Turn {
  actor: number;
  go(): Promise<void>;
}

const METHODS = [
  "read",
  "write",
  "commit",
  "take",
  "remove",
  "count",
  "join",
  "leave",
  "members",
  "append",
] as const;

/** Long enough for a hash; an actor that neither calls nor ends in this time hangs. */
const PATIENCE = 10_000;

export class Scheduler {
  readonly #roll: (sides: number) => number;
  readonly #waiting: Turn[] = [];
  readonly #live = new Set<number>();
  /** The turns that were taken, for a failure's message. */
  readonly trace: string[] = [];

  constructor(seed: number) {
    this.#roll = dice(seed);
  }

  /** The store as one actor has it. Durability is left out: it changes no order, and costs a disk's time. */
  storeFor(actor: number, store: Store): Store {
    const call =
      (name: (typeof METHODS)[number]) =>
      (...args: unknown[]) =>
        new Promise((resolve, reject) => {
          const go = async () => {
            this.trace.push(`${actor} ${name} ${String(args[0])}`);
            const given = args.map((arg) => (isOptions(arg) ? { ...arg, durable: false } : arg));
            const method = store[name] as (...all: unknown[]) => Promise<unknown>;
            await method.apply(store, given).then(resolve, reject);
          };
          this.#waiting.push({ actor, go });
        });
    const calls = Object.fromEntries(METHODS.map((name) => [name, call(name)]));
    const scan = store.scan.bind(store);
    return { driver: store.driver, ...calls, scan } as unknown as Store;
  }

  /** Runs the actors to their ends, one store call at a time; `between` looks at what stands after each. */
  async run(
    actors: ((actor: number) => Promise<unknown>)[],
    between: () => Promise<void>,
  ): Promise<unknown[]> {
    const outcomes = actors.map(async (act, actor) => {
      this.#live.add(actor);
      try {
        return await act(actor);
      } catch (error) {
        return error;
      } finally {
        this.#live.delete(actor);
      }
    });
    while (await this.#everybodyWaits()) {
      const [turn] = this.#waiting.splice(this.#roll(this.#waiting.length), 1);
      await turn?.go();
      await between();
    }
    return Promise.all(outcomes);
  }

  /** False when everybody has ended. Who computes something is waited for, so that the seed alone decides. */
  async #everybodyWaits(): Promise<boolean> {
    const started = performance.now();
    for (;;) {
      await new Promise(setImmediate);
      if (this.#live.size === 0) return false;
      const actors = new Set(this.#waiting.map(({ actor }) => actor));
      if ([...this.#live].every((actor) => actors.has(actor))) {
        // Calls of one actor at one time stand in the order in which they came.
        this.#waiting.sort((a, b) => a.actor - b.actor);
        return true;
      }
      if (performance.now() - started > PATIENCE) throw new Error(`hangs after ${this.trace.at(-1)}`);
    }
  }
}

function isOptions(arg: unknown): arg is object {
  return typeof arg === "object" && arg !== null && "durable" in arg;
}
