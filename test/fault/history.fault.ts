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
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newVersion } from "../../src/store/record.ts";
import { connectRedis } from "../../src/store/redis/open.ts";
import type { Store, Stored } from "../../src/store/store.ts";
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
 * that. Each round has keys of its own, so that a search has few calls to put in order.
 */
async function callers(handles: Callable[], recorder: Recorder): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const keys = Array.from({ length: KEYS }, (_, i) => `round${round}:${i}` as const);
    const once = `once${round}:a` as const;
    const made = { do: "commit", value: round, expect: "absent", version: newVersion() } as const;
    await recorder.record(handles[0] as Callable, once, made);
    await Promise.all(
      Array.from({ length: CALLERS }, async (_, caller) => {
        const store = handles[caller % handles.length] as Callable;
        await recorder.record(store, once, { do: "take", op: `op${caller}` });
        for (const key of keys) {
          const found = (await recorder.record(store, key, { do: "read" })) as Stored<unknown> | undefined;
          const version = newVersion();
          const expect = found?.version ?? "absent";
          await recorder.record(store, key, { do: "commit", value: `${caller}`, expect, version });
        }
      }),
    );
  }
}

function judge(name: string, { history }: Recorder): void {
  const unknown = history.filter(({ outcome }) => outcome === undefined).length;
  process.stdout.write(`history ${name}: ${history.length} calls, ${unknown} of unknown outcome\n`);
  expect(history.length - unknown).toBeGreaterThan(500);
  expect(inexplicable(history)).toEqual([]);
}

describe.skipIf(withoutRedis).each(matrix)("a history on $name", ({ name, program, isWaitedFor }) => {
  // Synced at once but for a rewrite, so that it has to be waited for where it can be, and does not take long.
  const args = isWaitedFor ? ["--no-appendfsync-on-rewrite", "yes"] : [];

  test.each(["nothing", "kill", "pause", "cut"] as const)(
    "with %s in its midst can be explained",
    async (fault) => {
      const server = await startRedisOf(program, ...args);
      const proxy = await startProxy(server.port);
      const url = `redis://127.0.0.1:${proxy.port}`;
      const handles = await Promise.all([connectRedis(url), connectRedis(url)]);
      const recorder = new Recorder();
      let going = true;
      const harm = (async () => {
        while (going && fault !== "nothing") {
          await pause(60);
          if (fault === "cut") proxy.loseAnswersTo("round", 1);
          if (fault === "kill") {
            await server.kill();
            await server.start();
          }
          if (fault === "pause") {
            server.pause();
            await pause(1_200);
            server.resume();
          }
        }
      })();
      await callers(handles, recorder);
      going = false;
      await harm;
      judge(`on ${name}, ${fault}`, recorder);
      for (const store of handles) await store.close();
      await proxy.close();
      await server.stop();
    },
  );
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

  test.each([false, true])(
    "of three processes, killed again and again: %s, can be explained",
    async (kills) => {
      const lmdb = stores.find(({ name }) => name === "lmdb");
      const opened = await (lmdb as (typeof stores)[number]).open();
      const handles = await Promise.all([1, 2, 3].map(() => processHandle(script, opened.url)));
      const recorder = new Recorder();
      let going = true;
      const harm = (async () => {
        for (let i = 0; going && kills; i++) {
          await pause(50);
          await handles[i % handles.length]?.kill();
        }
      })();
      await callers(handles, recorder);
      going = false;
      await harm;
      judge(`on LMDB${kills ? ", kill" : ""}`, recorder);
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

async function processHandle(script: string, url: string): Promise<ProcessHandle> {
  let child: ChildProcess;
  let ids = 0;
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  const start = async () => {
    child = fork(script, [url], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
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
