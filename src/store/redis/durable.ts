/**
 * Writes that are kept: the write and the wait for its confirmation leave in one go, on a connection on which nobody
 * else waits. `WAIT` and `WAITAOF` confirm what *their own connection* has written, on the server it leads to; sent
 * elsewhere they confirm nothing.
 *
 * Writes that come while one is under way leave together and share the next wait.
 */
import type { Redis } from "ioredis";
import { LatchkeyError, refuse } from "../../errors.ts";
import type { Millis } from "../store.ts";
import { type Client, isCluster, type Node, SideConnections } from "./connections.ts";
import { AWAITED, type Script } from "./scripts.ts";
import { slotOf } from "./slot.ts";

/** How a write is confirmed: by the disk of its server, or by so many replicas. */
export type Confirmation = "disk" | { replicas: number };

/** How long a confirmation is waited for. A disk that is written once a second takes that long and a little more. */
const DISK: Millis = 2_000;
const REPLICAS: Millis = 1_000;
/** What a server may take longer than it said before it counts as hanging. */
const GRACE: Millis = 500;
const REDIRECTIONS = 5;
/** Writes that share a wait: for a disk, which may be a second, what comes in a second. */
const TOGETHER = { disk: 1_024, replicas: 128 };

const UNCONFIRMED = {
  disk: "Redis did not confirm in time that it wrote to disk.",
  replicas: "Too few replicas confirmed it in time.",
};
const NO_WAIT = "Redis does not let its disk or its replicas be waited for any more.";

interface Write {
  script: Script;
  key: string;
  args: (string | number)[];
  /** The slot is on its way to this server, which serves it only to those who ask. */
  asking: boolean;
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

export class DurableWrites {
  readonly #client: Client;
  readonly #confirmation: Confirmation;
  readonly #connections: SideConnections;
  readonly #lanes = new Map<Node, Lane>();

  constructor(client: Client, confirmation: Confirmation) {
    this.#client = client;
    this.#confirmation = confirmation;
    this.#connections = new SideConnections(client, (confirmation === "disk" ? DISK : REPLICAS) + GRACE);
  }

  /** Runs a script and returns its answer once it is confirmed. @throws `store_not_durable` when it is not */
  async run<T>(script: Script, key: string, args: (string | number)[]): Promise<T> {
    let node = this.#homeOf(key);
    let asking = false;
    for (let redirections = 0; ; redirections++) {
      try {
        return (await this.#lane(node).write({ script, key, args, asking })) as T;
      } catch (error) {
        const elsewhere = redirection(error);
        if (!elsewhere || redirections >= REDIRECTIONS) throw error;
        ({ asking } = elsewhere);
        node = this.#mapped(elsewhere.node);
        // The others learn of it too.
        if (!asking && isCluster(this.#client)) this.#client.refreshSlotsCache();
      }
    }
  }

  close(): void {
    this.#connections.close();
  }

  #homeOf(key: string): Node {
    const client = this.#client;
    if (!isCluster(client)) return "";
    const slot = slotOf((client.options.keyPrefix ?? "") + key);
    const [owner] = client.slots[slot] ?? [];
    if (owner === undefined) throw new Error("CLUSTERDOWN the slot has no owner");
    return this.#mapped(owner);
  }

  /** A cluster behind a translated network tells addresses that are not reached from here. */
  #mapped(node: Node): Node {
    const { natMap } = isCluster(this.#client) ? this.#client.options : {};
    const mapped = typeof natMap === "function" ? natMap(node) : natMap?.[node];
    return mapped ? `${mapped.host}:${mapped.port}` : node;
  }

  #lane(node: Node): Lane {
    const known = this.#lanes.get(node);
    if (known) return known;
    const lane = new Lane(() => this.#connections.ready(node), this.#confirmation);
    this.#lanes.set(node, lane);
    return lane;
  }
}

/** The writes to one server, one batch after another. */
class Lane {
  readonly #connection: () => Promise<Redis>;
  readonly #confirmation: Confirmation;
  readonly #waiting: Write[] = [];
  #busy = false;

  constructor(connection: () => Promise<Redis>, confirmation: Confirmation) {
    this.#connection = connection;
    this.#confirmation = confirmation;
  }

  write(write: Omit<Write, "resolve" | "reject">): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...write, resolve, reject });
      if (!this.#busy) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#busy = true;
    // Whoever writes in this turn of the event loop is in the first batch.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, TOGETHER[this.#confirmation === "disk" ? "disk" : "replicas"]);
      try {
        await this.#send(batch);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#busy = false;
  }

  async #send(batch: Write[]): Promise<void> {
    const connection = await this.#connection();
    const pipeline = connection.pipeline();
    for (const { script, key, args, asking } of batch) {
      if (asking) pipeline.asking();
      pipeline.eval(script.lua, 1, key, ...args, AWAITED);
    }
    const wait = this.#confirmation;
    if (wait === "disk") pipeline.call("WAITAOF", "1", "0", DISK);
    else pipeline.call("WAIT", wait.replicas, REPLICAS);
    const answers = (await pipeline.exec()) ?? [];
    this.#settle(batch, answers);
  }

  #settle(batch: Write[], answers: [error: Error | null, answer: unknown][]): void {
    const unconfirmed = this.#problem(answers.at(-1));
    // Whoever waited behind a server that hangs, or that confirms nothing, has waited long enough; nothing was sent yet.
    if (isTimeout(unconfirmed) || unconfirmed instanceof LatchkeyError)
      for (const { reject } of this.#waiting.splice(0)) reject(unconfirmed);
    let at = 0;
    for (const { asking, resolve, reject } of batch) {
      if (asking) at++;
      const [error, answer] = answers[at++] ?? [new Error("no answer")];
      // A write that was refused needs no confirmation; one that was lost has none.
      const problem = error ?? unconfirmed;
      if (problem) reject(problem);
      else resolve(answer);
    }
  }

  #problem(wait: [error: Error | null, answer: unknown] | undefined): Error | undefined {
    const [error, answer] = wait ?? [new Error("no answer")];
    // Refused: the file was switched off, or the permission taken away, since we last looked.
    if (error?.name === "ReplyError" && /^(ERR|NOPERM) /.test(error.message))
      return refuse("store_not_durable", { detail: NO_WAIT });
    if (error) return error;
    if (this.#confirmation === "disk") {
      const [local = 0] = answer as number[];
      return local < 1 ? refuse("store_not_durable", { detail: UNCONFIRMED.disk }) : undefined;
    }
    return Number(answer) < this.#confirmation.replicas
      ? refuse("store_not_durable", { detail: UNCONFIRMED.replicas })
      : undefined;
  }
}

/** What ioredis says of a command that took too long. */
export function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === "Command timed out";
}

/** Where a cluster says that the key is: `MOVED 3999 127.0.0.1:6381`, or, for this once, `ASK …`. */
function redirection(error: unknown): { node: Node; asking: boolean } | undefined {
  const message = error instanceof Error ? error.message : "";
  const [, how, node] = /^(MOVED|ASK) \d+ (\S+:\d+)$/.exec(message) ?? [];
  return node === undefined ? undefined : { node, asking: how === "ASK" };
}
