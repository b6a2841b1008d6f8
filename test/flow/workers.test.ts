/** Several processes behind one port: one start, one stop, and a worker that dies is replaced. */
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { logLine, type Program, startProgram } from "../support/program.ts";
import { freePort, type RedisServer, startRedis, withoutRedis } from "../support/redis.ts";

const SECRET = "root-secret-of-the-tests-with-more-than-32-bytes";
const WAITING = { timeout: 20_000, interval: 20 };

vi.setConfig({ testTimeout: 60_000 });

describe.skipIf(withoutRedis)("several workers", () => {
  let redis: RedisServer;
  let program: Program | undefined;
  let issuer: string;

  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    program?.clear();
    await redis.stop();
  });

  async function start(command: string, args: string[], workers: string): Promise<Program> {
    const port = String(await freePort());
    issuer = `http://localhost:${port}`;
    program = startProgram(command, args, {
      env: {
        LATCHKEY_STORE: redis.url,
        LATCHKEY_PORT: port,
        LATCHKEY_SECRET: SECRET,
        LATCHKEY_WORKERS: workers,
      },
    });
    await program.line(logLine("listening"));
    await vi.waitUntil(() => served(program as Program) === Number(workers), WAITING);
    return program;
  }

  /**
   * Asks for a page without end, each time on a connection of its own; `stop` gives the answers that were not 200. A
   * worker that is about to stop says so at `/readyz`, and serves what still comes.
   */
  function asking() {
    const wrong: unknown[] = [];
    let [going, asked] = [true, 0];
    const done = (async () => {
      while (going) {
        const answer = await fetch(`${issuer}/.well-known/openid-configuration`, {
          headers: { connection: "close" },
        }).catch(String);
        if (typeof answer === "string" || answer.status !== 200) wrong.push(answer);
        asked++;
      }
    })();
    return {
      async stop() {
        going = false;
        await done;
        return { asked, wrong };
      },
    };
  }

  test("npm start says it once, and a signal ends it with 0 and leaves no process", async () => {
    const running = await start("npm", ["start"], "3");
    const said = running.stdout.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line).msg);
    expect(said.filter((message) => message === "setup" || message === "listening")).toEqual([
      "setup",
      "listening",
    ]);
    expect((await fetch(`${issuer}/readyz`)).status).toBe(200);
    running.signal("SIGTERM");
    expect(await running.ended, running.said()).toBe(0);
    expect(running.survivors()).toEqual([]);
  });

  test("Ctrl-C, which reaches all of them, ends all with 0", async () => {
    const running = await start("npm", ["start"], "2");
    running.interrupt();
    expect(await running.ended, running.said()).toBe(0);
    expect(running.survivors()).toEqual([]);
  });

  test("F23 a worker that is killed is replaced, and the others go on answering", async () => {
    const running = await start(process.execPath, ["dist/cli.js", "serve"], "2");
    const before = workersOf(running);
    const load = asking();
    for (const victim of before) {
      process.kill(victim, "SIGKILL");
      await vi.waitUntil(() => {
        const now = workersOf(running);
        return now.length === 2 && !now.includes(victim);
      }, WAITING);
      const messages = () => running.stdout.filter((line) => line.includes("a worker ended"));
      await vi.waitUntil(() => messages().length > before.indexOf(victim), WAITING);
      // The successor serves as soon as it says so to the first process; until then the other one does.
      await vi.waitUntil(() => served(running) === 2, WAITING);
    }
    const { asked, wrong } = await load.stop();
    expect(asked).toBeGreaterThan(20);
    // What the killed one was answering is lost, and no more than that.
    expect(wrong.length).toBeLessThanOrEqual(before.length);
    running.signal("SIGTERM");
    expect(await running.ended, running.said()).toBe(0);
  });

  test("F16 SIGHUP renews them one after another, and no request fails", async () => {
    const running = await start(process.execPath, ["dist/cli.js", "serve"], "2");
    const before = workersOf(running);
    const load = asking();
    running.signal("SIGHUP");
    await vi.waitUntil(() => {
      const now = workersOf(running);
      return now.length === 2 && now.every((pid) => !before.includes(pid));
    }, WAITING);
    const { asked, wrong } = await load.stop();
    expect(wrong).toEqual([]);
    expect(asked).toBeGreaterThan(20);
    running.signal("SIGTERM");
    expect(await running.ended, running.said()).toBe(0);
    expect(running.survivors()).toEqual([]);
  });

  test("a store that refuses is said once, with exit code 2", async () => {
    const unfit = await startRedis("--maxmemory-policy", "allkeys-lru");
    const env = { LATCHKEY_STORE: unfit.url, LATCHKEY_SECRET: SECRET, LATCHKEY_WORKERS: "4" };
    program = startProgram(process.execPath, ["dist/cli.js", "serve"], { env });
    expect(await program.ended).toBe(2);
    expect(program.stderr.filter((line) => line.includes("maxmemory-policy"))).toHaveLength(1);
    expect(program.survivors()).toEqual([]);
    await unfit.stop();
  });
});

/** How many of its workers serve, by what it said. */
function served(program: Program): number {
  const lines = program.stdout.filter((line) => line.includes("a worker serves"));
  const pids = lines.map((line) => JSON.parse(line).workerPid);
  return workersOf(program).filter((pid) => pids.includes(pid)).length;
}

/** Processes whose parent is the first one of the program that has workers. */
function workersOf(program: Program): number[] {
  const all = program.survivors();
  const parents = new Map(all.map((pid) => [pid, parentOf(pid)]));
  const isNode = (pid: number) => /cli\.js.*serve/.test(commandOf(pid));
  return all.filter((pid) => isNode(pid) && isNode(parents.get(pid) ?? 0));
}

function parentOf(pid: number): number {
  const stat = proc(pid, "stat");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

const commandOf = (pid: number) => proc(pid, "cmdline");

function proc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return ""; // gone meanwhile
  }
}
