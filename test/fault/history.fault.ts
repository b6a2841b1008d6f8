/**
 * Histories of many callers at once, under faults: each must be one that a store without concurrency could have given.
 * On Redis the server is killed, hangs, and loses connections; on LMDB the processes that share the folder are killed.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newVersion } from "../../src/store/record.ts";
import { connectRedis } from "../../src/store/redis/open.ts";
import type { Key, Store, Stored } from "../../src/store/store.ts";
import { inexplicable, Recorder } from "../support/linearizable.ts";
import { startProxy } from "../support/proxy.ts";
import { matrix, startRedisOf, withoutRedis } from "../support/redis.ts";
import { stores } from "../support/stores.ts";

type Callable = Pick<Store, "read" | "commit" | "take">;

const CALLERS = 5;
const ROUNDS = 40;
const KEYS = 4;

/**
 * Callers that read registers and commit over what they read, and race to take what was made for it. What is taken is
 * never made again under its key, as with codes and challenges: of a take whose answer was lost, the repeat would take
 * that. Each round has keys of its own, so that a search has few calls to put in order. In the midst of a round one of
 * the callers does harm while the others go on; when all are done, one looks at what is left.
 */
async function callers(handles: Callable[], recorder: Recorder, harm: Harm): Promise<void> {
  const [first] = handles as [Callable];
  for (let round = 0; round < ROUNDS; round++) {
    const keys = Array.from({ length: KEYS }, (_, i) => `round${round}:${i}` as const);
    const once = `once${round}:a` as const;
    const made = { do: "commit", value: round, expect: "absent", version: newVersion() } as const;
    await recorder.record(first, once, made);
    harm.before?.(round);
    await Promise.all(
      Array.from({ length: CALLERS }, async (_, caller) => {
        const store = handles[caller % handles.length] as Callable;
        await recorder.record(store, once, { do: "take", op: `op${caller}` });
        for (const key of keys) {
          if (caller === 0 && key === keys[KEYS / 2]) {
            const done = harm.amidst?.(round);
            // Whatever became of its own commit, somebody's is here.
            await recorder.record(store, `round${round}:0`, { do: "read" });
            await done;
          }
          const found = (await recorder.record(store, key, { do: "read" })) as Stored<unknown> | undefined;
          const version = newVersion();
          const expect = found?.version ?? "absent";
          await recorder.record(store, key, { do: "commit", value: `${caller}`, expect, version });
        }
      }),
    );
    await recorder.record(first, once, { do: "take", op: "late" });
    for (const key of keys) await recorder.record(first, key, { do: "read" });
  }
}

interface Harm {
  before?(round: number): void;
  amidst?(round: number): Promise<void>;
}

function judge(name: string, { history }: Recorder, isPlanted: boolean): void {
  const unknown = history.filter(({ outcome }) => outcome === undefined).length;
  const wrong = inexplicable(history);
  process.stdout.write(
    `history ${name}${isPlanted ? ", planted" : ""}: ${history.length} calls, ${unknown} of unknown outcome, ` +
      `${wrong.length} keys that nothing explains\n`,
  );
  expect(history.length - unknown).toBeGreaterThan(1_000);
  if (isPlanted) expect(wrong).not.toEqual([]);
  else expect(wrong).toEqual([]);
}

/** A store that is as it should be, but for one thing; each shows under one fault, and must be found. */
const planted = {
  /** Nobody looks at the version that is expected. */
  careless: (store: Callable): Callable => ({
    ...methods(store),
    async commit(key, value, options) {
      const found = await store.read(key);
      return store.commit(key, value, { ...options, expect: found?.version ?? "absent" });
    },
  }),
  /** What took too long is said to have been refused, or to have found nothing. */
  hasty: (store: Callable): Callable => ({
    read: (key) => store.read<never>(key).catch(() => undefined),
    commit: (key, value, options) => store.commit(key, value, options).catch(() => false),
    take: (key, op) => store.take<never>(key, op).catch(() => undefined),
  }),
  /** Whoever asks again is somebody else. */
  forgetful: (store: Callable, client: Redis): Callable => ({
    ...methods(store),
    async take<T>(key: Key) {
      const record = await client.getdel(`latchkey:${key}`);
      return record === null ? undefined : (JSON.parse(record.slice(record.indexOf(" ") + 1)) as T);
    },
  }),
};

const methods = (store: Callable): Callable => ({
  read: (key) => store.read(key),
  commit: (key, value, options) => store.commit(key, value, options),
  take: (key, op) => store.take(key, op),
});

const faults = (["nothing", "kill", "pause", "cut"] as const).flatMap((fault) => [
  { fault, isPlanted: false, outcome: "can be explained" },
  { fault, isPlanted: true, outcome: "cannot, of a store that it shows to be wrong" },
]);

describe.skipIf(withoutRedis).each(matrix)("a history on $name", ({ name, program, isWaitedFor }) => {
  // Synced at once but for a rewrite, so that it has to be waited for where it can be, and does not take long.
  const args = isWaitedFor ? ["--no-appendfsync-on-rewrite", "yes"] : [];

  test.each(faults)("with $fault in its midst $outcome", async ({ fault, isPlanted }) => {
    // What is planted for a kill: a server that keeps nothing.
    const keepsNothing = isPlanted && fault === "kill";
    const server = await startRedisOf(program, ...args, ...(keepsNothing ? ["--appendonly", "no"] : []));
    const proxy = await startProxy(server.port);
    const url = `redis://127.0.0.1:${proxy.port}`;
    const durability = keepsNothing ? "configured" : "disk";
    const open = await Promise.all([1, 2].map(() => connectRedis(url, { durability })));
    // A client as ioredis makes it sends again by itself what was not answered.
    const clients = open.map(() => new Redis(url, { lazyConnect: true }).on("error", () => {}));
    const plant = (store: Store, i: number): Callable => {
      if (!isPlanted || fault === "kill") return store;
      if (fault === "cut") return planted.forgetful(store, clients[i] as Redis);
      return fault === "pause" ? planted.hasty(store) : planted.careless(store);
    };
    const recorder = new Recorder();
    const harm: Record<typeof fault, Harm> = {
      nothing: {},
      kill: {
        async amidst(round) {
          if (round % 4 !== 0) return;
          await server.kill();
          await server.start();
        },
      },
      pause: {
        async amidst(round) {
          if (round % 10 !== 0) return;
          server.pause();
          await pause(1_200);
          server.resume();
        },
      },
      cut: {
        // The first to take is who wins.
        before: (round) => proxy.loseAnswersTo(isPlanted ? "getdel" : `once${round}`, 1),
        amidst: async (round) => proxy.loseAnswersTo(`round${round}`, 1),
      },
    };
    await callers(open.map(plant), recorder, harm[fault]);
    judge(`on ${name}, ${fault}`, recorder, isPlanted);
    for (const client of clients) client.disconnect();
    for (const store of open) await store.close();
    await proxy.close();
    await server.stop();
  });
});

describe("a history on LMDB", () => {
  const folder = fileURLToPath(
    new URL(`../../node_modules/.cache/latchkey-history-${process.pid}/`, import.meta.url),
  );
  const script = `${folder}store-process.mjs`;
  beforeAll(async () => {
    await mkdir(folder, { recursive: true });
    await build({
      entryPoints: [fileURLToPath(new URL("../support/store-process.ts", import.meta.url))],
      outfile: script,
      bundle: true,
      format: "esm",
      platform: "node",
      packages: "external",
    });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each(faults.filter(({ fault }) => fault === "nothing" || fault === "kill"))(
    "of processes with $fault in their midst $outcome",
    async ({ fault, isPlanted }) => {
      const lmdb = stores.find(({ name }) => name === "lmdb");
      const opened = await (lmdb as (typeof stores)[number]).open();
      // What is planted for a kill: one process that has everything in its memory.
      const forgets = isPlanted && fault === "kill";
      const count = forgets ? 1 : 3;
      const args = forgets ? [opened.url, "nowhere"] : [opened.url];
      const handles = await Promise.all(Array.from({ length: count }, () => processHandle(script, args)));
      const recorder = new Recorder();
      const kill: Harm = { amidst: async (round) => handles[round % count]?.kill() };
      const careless = isPlanted && fault === "nothing";
      await callers(
        careless ? handles.map(planted.careless) : handles,
        recorder,
        fault === "kill" ? kill : {},
      );
      judge(`on LMDB, ${fault}`, recorder, isPlanted);
      for (const handle of handles) handle.stop();
      await opened.close();
    },
  );
});

interface ProcessHandle extends Callable {
  /** SIGKILL, and another process in its place. */
  kill(): Promise<void>;
  stop(): void;
}

async function processHandle(script: string, args: string[]): Promise<ProcessHandle> {
  let child: ChildProcess;
  let ids = 0;
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  const start = async () => {
    child = fork(script, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    child.on("error", () => {});
    child.on("message", ({ id, value, failed }: { id: number; value?: unknown; failed?: true }) => {
      const asked = waiting.get(id);
      waiting.delete(id);
      if (failed) asked?.reject(new Error("failed"));
      else asked?.resolve(value);
    });
    await once(child, "message");
  };
  await start();
  const ask = (method: string, ...args: unknown[]) =>
    new Promise<never>((resolve, reject) => {
      const id = ++ids;
      waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      if (!child.connected) reject(new Error("gone"));
      else child.send({ id, method, args }, (error) => error && reject(error));
    });
  return {
    read: (key) => ask("read", key),
    commit: (key, value, options) => ask("commit", key, value, options),
    take: (key, op) => ask("take", key, op),
    async kill() {
      child.kill("SIGKILL");
      await once(child, "exit");
      for (const { reject } of waiting.values()) reject(new Error("killed"));
      waiting.clear();
      await start();
    },
    stop: () => void child.kill("SIGKILL"),
  };
}
