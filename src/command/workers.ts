/**
 * Several processes behind one port. The first process serves nothing itself: it starts the workers, starts another
 * one for each that ends, and ends them when it is told to.
 */
import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import type { Logger } from "../log.ts";

/** A worker that ends sooner than this after its start is not started again at once. */
const SOON = 1_000;
const LONGEST_PAUSE = 10_000;

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

/** Tells the first process that this one serves. */
export function tellServing(): void {
  process.send?.(SERVING);
}

const SERVING = "serving";
const STOP = "stop";

/** Leads workers until it is told to stop; gives the exit code. */
export async function lead({ count, log, stopped, patience }: Lead): Promise<number> {
  // The workers take connections themselves. Handed on by the first process, one that is under way to a worker that
  // dies would be answered by nobody and closed by nobody.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  const state = { stopping: false };
  const stop = stopped.then(() => {
    state.stopping = true;
  });
  // One says what is wrong with the settings or the store; all of them would say it at once.
  cluster.on("message", ({ process: { pid } }, message) => {
    if (message === SERVING) log.info({ workerPid: pid }, "a worker serves");
  });
  const first = cluster.fork();
  const failed = await Promise.race([isServing(first), stop.then(() => undefined)]);
  if (failed !== undefined) return failed;
  replaceWhoEnds(state, log);
  for (let i = 1; i < count && !state.stopping; i++) cluster.fork();
  const renew = () => void renewAll(state, log);
  process.on("SIGHUP", renew);
  await stop;
  process.off("SIGHUP", renew);
  await endAll(patience);
  return 0;
}

/** Undefined once the worker serves; its exit code when it ended before. */
async function isServing(worker: Worker): Promise<number | undefined> {
  const ended = once(worker, "exit").then(([code]) => Number(code ?? 1) || 1);
  const serves = new Promise<undefined>((resolve) => {
    worker.on("message", (message) => message === SERVING && resolve(undefined));
  });
  return Promise.race([serves, ended]);
}

function replaceWhoEnds(state: { stopping: boolean }, log: Logger): void {
  const started = new Map<number, number>();
  let pause = 0;
  cluster.on("fork", ({ id }) => started.set(id, performance.now()));
  cluster.on("exit", (worker, code, signal) => {
    const age = performance.now() - (started.get(worker.id) ?? 0);
    started.delete(worker.id);
    // A renewed worker has its successor already.
    if (state.stopping || worker.exitedAfterDisconnect) return;
    log.warn({ workerPid: worker.process.pid, code, signal }, "a worker ended; another one starts");
    pause = age < SOON ? Math.min(pause * 2 + 100, LONGEST_PAUSE) : 0;
    setTimeout(() => !state.stopping && cluster.fork(), pause);
  });
}

/** New workers for old ones, one after another, so that the port is never without. */
async function renewAll(state: { stopping: boolean }, log: Logger): Promise<void> {
  for (const old of workers()) {
    if (state.stopping) return;
    const failed = await isServing(cluster.fork());
    if (failed !== undefined) return log.error({ code: failed }, "a new worker did not start");
    old.exitedAfterDisconnect = true;
    old.send(STOP);
  }
}

async function endAll(patience: number): Promise<void> {
  const late = setTimeout(() => {
    for (const worker of workers()) worker.process.kill("SIGKILL");
  }, patience);
  await Promise.all(
    workers().map((worker) => {
      const ended = once(worker, "exit");
      // One that does not serve yet may not hear it yet.
      worker.on("message", (message) => message === SERVING && worker.send(STOP));
      if (worker.isConnected()) worker.send(STOP);
      return ended;
    }),
  );
  clearTimeout(late);
}

/** The workers that are there. */
function workers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}
