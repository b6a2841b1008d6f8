/**
 * Keeps the opening of a folder apart from all that is written to it. LMDB notes at every opening which transaction it
 * found to be the last one, without asking whether another process has committed a further one meanwhile; that one is
 * then lost, or its writer crashes (fixed in LMDB as ITS#9496, not in the copy that the library brings).
 *
 * The gate is an environment of its own, beside the data and for ever empty, so that opening it can do no harm. Whoever
 * has its write lock is alone: a process for as long as a few of its transactions take, or one that opens.
 */
import { mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { open, type RootDatabase } from "lmdb";
import type { Millis } from "../store.ts";

/** How long one stay takes in further transactions before others have their turn. */
const LONGEST: Millis = 10;

interface Stay {
  since: number;
  guests: number;
  over: boolean;
  end(): void;
  /** Resolves when the lock is free. */
  ended: Promise<unknown>;
}

/** One for each folder: a process that asked for a lock that it has would wait for itself, for ever. */
const gates = new Map<string, LmdbGate>();

export class LmdbGate {
  readonly #path: string;
  readonly #lmdb: RootDatabase;
  #data: RootDatabase<string, Buffer> | undefined;
  #stay: Stay | undefined;
  #handles = 0;

  private constructor(path: string) {
    mkdirSync(path, { mode: 0o700, recursive: true });
    this.#path = path;
    // Nothing is ever written, so there is nothing to sync either.
    this.#lmdb = open({ path, noSubdir: false, noSync: true, overlappingSync: false, mapSize: 1 << 20 });
  }

  /** The gate of a folder that is there. */
  static of(folder: string): LmdbGate {
    const path = join(realpathSync(folder), "gate");
    const gate = gates.get(path) ?? new LmdbGate(path);
    gates.set(path, gate);
    gate.#handles++;
    return gate;
  }

  /**
   * The data of the folder, opened while no other process writes to it; one for all handles of this process. A further
   * opening asks for the lock that a transaction may have which itself waits for this process.
   */
  data(opening: () => RootDatabase<string, Buffer>): RootDatabase<string, Buffer> {
    if (this.#data) return this.#data;
    const opened: RootDatabase<string, Buffer>[] = [];
    this.#lmdb.transactionSync(() => void opened.push(opening()));
    const [data] = opened;
    this.#data = data;
    return data as RootDatabase<string, Buffer>;
  }

  /** Runs work that writes, while no other process opens the folder. */
  async within<T>(work: () => Promise<T>): Promise<T> {
    while (this.#stay && !isOpen(this.#stay)) await this.#stay.ended;
    this.#stay ??= this.#enter();
    const stay = this.#stay;
    stay.guests++;
    try {
      return await work();
    } finally {
      if (--stay.guests === 0) stay.end();
    }
  }

  #enter(): Stay {
    let end = () => {};
    const left = new Promise<void>((resolve) => {
      end = resolve;
    });
    const held = this.#lmdb.transactionSync(() => left) as unknown as Promise<void>;
    const stay: Stay = {
      since: performance.now(),
      guests: 0,
      over: false,
      end() {
        stay.over = true;
        end();
      },
      // Nothing was written, so nothing can have failed that anybody would miss.
      ended: Promise.resolve(held)
        .catch(() => {})
        .finally(() => {
          this.#stay = undefined;
        }),
    };
    return stay;
  }

  /** Closes it and the data with the last handle. */
  async close(): Promise<void> {
    if (--this.#handles > 0) return;
    gates.delete(this.#path);
    await this.#stay?.ended;
    await this.#data?.close();
    await this.#lmdb.close();
  }
}

function isOpen({ over, since }: Stay): boolean {
  return !over && performance.now() - since < LONGEST;
}
