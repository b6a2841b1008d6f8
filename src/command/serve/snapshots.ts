/**
 * What the workers have counted, gathered by the first process, which counts nothing itself. Of a worker that ended, what
 * it counted stays: a sum that fell with each one that is replaced would look like a new beginning.
 */
import type { Peers } from "../../metrics/peers.ts";
import { countedIn, merged, type Snapshot } from "../../metrics/snapshot.ts";
import type { Millis } from "../../store/store.ts";

/** What workers and the first process say to each other about it. */
type Message =
  /** A worker asks for all of them. */
  | { snapshots: "wanted"; ask: number }
  /** The first process asks a worker for its own. */
  | { snapshots: "give"; round: number }
  /** It has it; without a round, its last one. */
  | { snapshots: "given"; round?: number; own: Snapshot }
  /** The first process has them all. */
  | { snapshots: "gathered"; ask: number; all: Snapshot[] };

/** How long a worker may take; one that is busy for longer is counted as it was, and says nothing of what it is now. */
const PATIENCE: Millis = 2_000;
/** How long the one that asks waits for the first process. */
const LONGER: Millis = 4_000;

/** As much of a worker as is needed to talk to it. */
interface Talker {
  id: number;
  isConnected(): boolean;
  send(message: Message, handle: undefined, options: undefined, callback: () => void): unknown;
}

interface Round {
  missing: Set<number>;
  fresh: Set<number>;
  done(): void;
}

export interface Gathering {
  hear(worker: Talker, message: unknown): void;
  /** It has ended: what it said last stays. */
  ended(id: number): void;
}

export function gathering(workers: () => readonly Talker[], patience = PATIENCE): Gathering {
  const latest = new Map<number, Snapshot>();
  const rounds = new Map<number, Round>();
  let past: Snapshot = [];
  let count = 0;
  const leave = (id: number, { missing, done }: Round) => {
    if (missing.delete(id) && missing.size === 0) done();
  };

  function begin(asker: Talker, ask: number): void {
    const asked = workers().filter((worker) => worker.isConnected());
    const round = count++;
    const fresh = new Set<number>();
    const done = () => {
      clearTimeout(late);
      rounds.delete(round);
      const all = [...latest].map(([id, own]) => (fresh.has(id) ? own : countedIn(own)));
      tell(asker, { snapshots: "gathered", ask, all: [...all, past] });
    };
    const late = setTimeout(done, patience);
    rounds.set(round, { missing: new Set(asked.map(({ id }) => id)), fresh, done });
    for (const worker of asked) tell(worker, { snapshots: "give", round });
  }

  return {
    hear(worker, said) {
      const message = messageOf(said);
      if (message?.snapshots === "wanted") begin(worker, message.ask);
      if (message?.snapshots !== "given") return;
      latest.set(worker.id, message.own);
      const round = rounds.get(message.round ?? -1);
      round?.fresh.add(worker.id);
      if (round) leave(worker.id, round);
    },
    ended(id) {
      past = merged([past, countedIn(latest.get(id) ?? [])]);
      latest.delete(id);
      for (const round of [...rounds.values()]) leave(id, round);
    },
  };
}

/** The same as a worker sees it, by its channel to the first process. */
export function peersByChannel(channel: NodeJS.Process = process): Peers {
  return {
    join(own) {
      const asks = new Map<number, (all: Snapshot[]) => void>();
      let count = 0;
      channel.on("message", (said: unknown) => {
        const message = messageOf(said);
        if (message?.snapshots === "give")
          void own().then(
            (snapshot) => post(channel, { snapshots: "given", round: message.round, own: snapshot }),
            () => {},
          );
        if (message?.snapshots === "gathered") asks.get(message.ask)?.(message.all);
      });
      return {
        gather() {
          const ask = count++;
          const gathered = new Promise<Snapshot[]>((resolve, reject) => {
            const late = setTimeout(() => reject(new Error("the first process does not answer")), LONGER);
            asks.set(ask, (all) => {
              clearTimeout(late);
              resolve(all);
            });
          });
          void post(channel, { snapshots: "wanted", ask });
          return gathered.finally(() => asks.delete(ask));
        },
        leave: async () => post(channel, { snapshots: "given", own: await own() }),
      };
    },
  };
}

function messageOf(said: unknown): Message | undefined {
  return typeof said === "object" && said !== null && "snapshots" in said ? (said as Message) : undefined;
}

/** One that is gone needs no answer. */
function tell(worker: Talker, message: Message): void {
  worker.send(message, undefined, undefined, () => {});
}

function post(channel: NodeJS.Process, message: Message): Promise<void> {
  return new Promise((resolve) => {
    if (!channel.send) return resolve();
    channel.send(message, undefined, undefined, () => resolve());
  });
}
