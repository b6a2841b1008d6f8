/**
 * Several processes behind one port. The first process serves nothing itself: it starts the workers, starts another
 * one for each that ends, ends those that are stuck, and ends all of them when it is told to.
 */
import cluster, { type Worker } from "node:cluster";
import type { Logger } from "../../log.ts";
import { BEAT_EVERY, type Pulse, pauseBefore, pulse } from "./replacement.ts";
import { type Gathering, gathering } from "./snapshots.ts";

export interface Lead {
  count: number;
  log: Logger;
  /** Resolves when the first signal to stop has come. */
  stopped: Promise<unknown>;
  /** How long the workers may take to end. */
  patience: number;
}

/** This process is one of several, and the first one watches over it. */
export function isWorker(): boolean {
  return cluster.isWorker;
}

/** What is said at the start is said once. */
export function isFirstWorker(): boolean {
  return cluster.worker?.id === 1;
}

/** Resolves when the first process says so. Ctrl-C reaches every process of a terminal; the first one decides. */
export function toldToStop(): Promise<string> {
  return new Promise((resolve) => {
    process.removeAllListeners("SIGINT").on("SIGINT", () => {});
    process.removeAllListeners("SIGTERM").on("SIGTERM", () => resolve("SIGTERM"));
    process.on("message", (message) => {
      if (message === STOP) resolve(STOP);
    });
  });
}

/** Tells the first process that this one serves, and from then on that it is not stuck. */
export function tellServing(): void {
  tell(SERVING);
  setInterval(() => tell(BEAT), BEAT_EVERY).unref();
}

/** A first process that is gone takes its workers along; nobody needs to hear that it could not be told. */
function tell(message: string): void {
  process.send?.(message, undefined, undefined, () => {});
}

const SERVING = "serving";
const BEAT = "beat";
const STOP = "stop";

/** What the first process knows of the others. */
interface Crew {
  count: number;
  log: Logger;
  stopping: boolean;
  /** Those that have come to serve. */
  served: Set<number>;
  /** How many ended before they served, since the last one that did. */
  failures: number;
  pulse: Pulse;
  /** What they have counted. */
  gathering: Gathering;
}

/** Leads workers until it is told to stop; gives the exit code. */
export async function lead({ count, log, stopped, patience }: Lead): Promise<number> {
  // The workers take connections themselves. Handed on by the first process, one that is under way to a worker that
  // dies would be answered by nobody and closed by nobody.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  const counts = { served: new Set<number>(), failures: 0, gathering: gathering(everyWorker) };
  const crew: Crew = { count, log, stopping: false, pulse: pulse(), ...counts };
  const stop = stopped.then(() => {
    crew.stopping = true;
  });
  cluster.on("message", (worker, message) => hear(crew, worker, message));
  // One says what is wrong with the settings or the store; all of them would say it at once.
  const failed = await Promise.race([isServing(startOne(crew)), stop.then(() => undefined)]);
  if (failed !== undefined) return failed;
  replaceWhoEnds(crew);
  fillIn(crew, 0);
  const watching = setInterval(() => endStuck(crew), BEAT_EVERY);
  let renewal = Promise.resolve();
  const renew = () => {
    renewal = renewal.then(() => renewAll(crew));
  };
  process.on("SIGHUP", renew);
  await stop;
  process.off("SIGHUP", renew);
  clearInterval(watching);
  await endAll(patience);
  return 0;
}

function hear(crew: Crew, worker: Worker, message: unknown): void {
  const {
    id,
    process: { pid },
  } = worker;
  crew.pulse.beat(id);
  crew.gathering.hear(worker, message);
  if (message !== SERVING) return;
  crew.served.add(id);
  crew.failures = 0;
  crew.log.info({ workerPid: pid }, "a worker serves");
}

/** Of a process that cannot be started Node.js says neither that it ended nor that it is gone. */
function startOne({ log }: Crew): Worker {
  const worker = cluster.fork();
  worker.on("error", (err) => {
    log.error({ err, workerPid: worker.process.pid }, "a worker could not be started or told");
    if (worker.process.pid !== undefined) return;
    delete cluster.workers?.[worker.id];
    worker.emit("exit", 1, "");
    cluster.emit("exit", worker, 1, "");
  });
  return worker;
}

/** Undefined once the worker serves; its exit code when it ended before. */
function isServing(worker: Worker): Promise<number | undefined> {
  const serves = new Promise<undefined>((resolve) => {
    worker.on("message", (message) => message === SERVING && resolve(undefined));
  });
  return Promise.race([serves, ended(worker)]);
}

/** Its exit code, 1 for a signal. Not by `once` of `node:events`, which gives up at the first error. */
function ended(worker: Worker): Promise<number> {
  return new Promise((resolve) => worker.once("exit", (code) => resolve(code || 1)));
}

function replaceWhoEnds(crew: Crew): void {
  cluster.on("exit", (worker, code, signal) => {
    crew.pulse.forget(worker.id);
    crew.gathering.ended(worker.id);
    const served = crew.served.delete(worker.id);
    if (!served) crew.failures++;
    // A renewed worker has its successor already.
    if (crew.stopping || worker.exitedAfterDisconnect) return;
    const facts = { workerPid: worker.process.pid, code, signal };
    if (workers().length >= crew.count) return crew.log.warn(facts, "a worker ended");
    const pause = pauseBefore({ served, failures: crew.failures });
    crew.log.warn({ ...facts, pause }, "a worker ended; another one starts");
    fillIn(crew, pause);
  });
}

/** Starts as many as are missing by then. */
function fillIn(crew: Crew, pause: number): void {
  setTimeout(() => {
    try {
      while (!crew.stopping && workers().length < crew.count) startOne(crew);
    } catch (err) {
      crew.failures++;
      crew.log.error({ err }, "a worker could not be started");
      fillIn(crew, pauseBefore({ served: false, failures: crew.failures }));
    }
  }, pause);
}

/** One whose event loop does not turn answers nobody, and will not end by itself. */
function endStuck({ pulse, log }: Crew): void {
  for (const id of pulse.pass()) {
    const worker = cluster.workers?.[id];
    pulse.forget(id);
    log.error({ workerPid: worker?.process.pid }, "a worker is stuck and is ended");
    worker?.process.kill("SIGKILL");
  }
}

/** New workers for old ones, one after another, so that the port is never without. */
async function renewAll(crew: Crew): Promise<void> {
  try {
    for (const old of workers()) {
      if (crew.stopping) return;
      const failed = await isServing(startOne(crew));
      if (failed !== undefined) return crew.log.error({ code: failed }, "a new worker did not start");
      // It may have ended meanwhile; then the new one is its successor already.
      old.exitedAfterDisconnect = true;
      if (old.isConnected()) old.send(STOP);
      fillIn(crew, 0);
    }
  } catch (err) {
    crew.log.error({ err }, "a new worker could not be started");
  }
}

async function endAll(patience: number): Promise<void> {
  const all = everyWorker();
  const late = setTimeout(() => {
    for (const worker of all) worker.process.kill("SIGKILL");
  }, patience);
  await Promise.all(
    all.map((worker) => {
      // One that does not serve yet may not hear it yet.
      worker.on("message", (message) => message === SERVING && worker.send(STOP));
      if (worker.isConnected()) worker.send(STOP);
      return ended(worker);
    }),
  );
  clearTimeout(late);
}

function everyWorker(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

/** The workers that are there, without those that have their successor. */
function workers(): Worker[] {
  return everyWorker().filter((worker) => !worker.exitedAfterDisconnect);
}
