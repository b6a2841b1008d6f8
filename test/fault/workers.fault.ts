/**
 * F23: workers that are killed, stuck, out of memory, or cannot be started. How soon they are replaced is measured and
 * printed; what is asserted is that nobody waits without need. The decisions alone: `test/command/serve/replacement.test.ts`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { loadSettings } from "../../src/config/load.ts";
import { openInstallation } from "../../src/installation.ts";
import { Browser } from "../support/browser.ts";
import { SECRET } from "../support/installation.ts";
import { logLine, type Program, startProgram } from "../support/program.ts";
import { freePort, type RedisServer, startRedis, withoutRedis } from "../support/redis.ts";
import { RelyingParty } from "../support/relying-party.ts";

const WAITING = { timeout: 60_000, interval: 10 };
const affliction = fileURLToPath(new URL("../support/affliction.cjs", import.meta.url));

describe.skipIf(withoutRedis)("F23 two workers", () => {
  let redis: RedisServer;
  let program: Program;
  let issuer: string;
  let env: Record<string, string>;
  const folder = mkdtempSync(join(tmpdir(), "latchkey-workers-"));
  const config = join(folder, "config.json");

  const said = (message: string) =>
    program.stdout.map(logLine(message)).filter((line) => line !== undefined) as Record<string, unknown>[];
  const served = () => said("a worker serves").map(({ workerPid }) => Number(workerPid));
  const ended = () => said("a worker ended; another one starts");
  const living = () => served().filter(isAlive);
  const pauses = () => ended().map((line) => line.pause);

  beforeEach(async () => {
    redis = await startRedis();
    const port = await freePort();
    issuer = `http://localhost:${port}`;
    writeFileSync(config, JSON.stringify({ limits: { signUps: "100000/1h", ceremonies: "100000/1h" } }));
    env = {
      LATCHKEY_STORE: redis.url,
      LATCHKEY_PORT: String(port),
      LATCHKEY_SECRET: SECRET,
      LATCHKEY_CONFIG: config,
    };
    program = startProgram(process.execPath, ["dist/cli.js", "serve"], {
      env: {
        ...env,
        LATCHKEY_WORKERS: "2",
        LATCHKEY_LOG_FORMAT: "json",
        NODE_OPTIONS: `--require=${affliction} --max-old-space-size=192`,
      },
    });
    await program.line(logLine("listening"));
    await vi.waitUntil(() => living().length === 2, WAITING);
  });
  afterEach(async () => {
    program.clear();
    await redis.stop();
    rmSync(config, { force: true });
  });

  /** Does something to workers, and measures until as many more serve. */
  async function replaced(victims: number[], how: (pid: number) => void): Promise<number> {
    const before = served().length;
    const at = performance.now();
    victims.forEach(how);
    await vi.waitUntil(() => served().length >= before + victims.length, WAITING);
    return Math.round(performance.now() - at);
  }
  const kill = (pid: number) => void process.kill(pid, "SIGKILL");

  test("are killed one after another and both at once: others start at once, and nothing that was acknowledged is lost", async () => {
    const people = await visitors({ env, issuer });
    const took: number[] = [];
    for (let round = 0; round < 8; round++) {
      await people.more(3);
      took.push(await replaced([living().at(round % 2 ? 0 : -1) as number], kill));
    }
    const both = await replaced(living(), kill);
    // Two seconds are promised for a machine with nothing else to do; what this one has to do nobody knows.
    process.stdout.write(`F23: replaced after ${took.join(", ")} ms, both at once after ${both} ms\n`);
    expect(pauses()).toEqual(Array(10).fill(0));
    await people.more(3);
    expect(await people.lost()).toEqual([]);
    expect(living()).toHaveLength(2);
  });

  test("are replaced when one is out of memory, and when one is stuck, while the other goes on", async () => {
    const [hungry = 0, other = 0] = living();
    const memory = await replaced([hungry], (pid) => process.kill(pid, "SIGALRM"));
    const stuck = await replaced([other], (pid) => process.kill(pid, "SIGUSR2"));
    process.stdout.write(
      `F23: out of memory: ${memory} ms; stuck: ${stuck} ms, its ten silent seconds included\n`,
    );
    expect(ended()).toMatchObject([
      { workerPid: hungry, pause: 0 },
      { workerPid: other, signal: "SIGKILL", pause: 0 },
    ]);
    expect(said("a worker is stuck and is ended").map(({ workerPid }) => workerPid)).toEqual([other]);
    expect((await fetch(`${issuer}/readyz`)).status).toBe(200);
  });

  test("that cannot start wait longer each time, and the one that serves is left alone", async () => {
    const [victim = 0, survivor] = living();
    const settings = JSON.stringify({});
    writeFileSync(config, "{ broken");
    program.signal("SIGHUP");
    await vi.waitUntil(() => said("a new worker did not start").length === 1, WAITING);
    // There are as many as before, and nobody is in a hurry.
    expect(living()).toEqual([victim, survivor]);
    expect(ended()).toEqual([]);
    process.kill(victim, "SIGKILL");
    await vi.waitUntil(() => ended().length >= 4, WAITING);
    const [ofVictim, ...failed] = pauses().map(Number);
    expect(ofVictim).toBe(0);
    expect(failed).toEqual([...failed].sort((a, b) => a - b));
    expect(new Set(failed).size).toBe(failed.length);
    expect(living()).toEqual([survivor]);
    writeFileSync(config, settings);
    await vi.waitUntil(() => living().length === 2, WAITING);
    // It has come to serve, so starting works again.
    await replaced([living().at(-1) as number], kill);
    expect(pauses().at(-1)).toBe(0);
    program.signal("SIGTERM");
    expect(await program.ended, program.said()).toBe(0);
  });

  test("are replaced as soon as the machine has room for another process, and the first one outlives that", async () => {
    const [victim = 0] = living();
    const leader = parentOf(victim);
    const open = readdirSync(`/proc/${leader}/fd`).length;
    spawnSync("prlimit", ["--pid", String(leader), `--nofile=${open - 1}:4096`]);
    process.kill(victim, "SIGKILL");
    await vi.waitUntil(() => said("a worker could not be started or told").length >= 2, WAITING);
    expect((await fetch(`${issuer}/readyz`)).status).toBe(200);
    spawnSync("prlimit", ["--pid", String(leader), "--nofile=4096:4096"]);
    await vi.waitUntil(() => living().length === 2, WAITING);
  });
});

/** People who sign up without end, each noted when that was acknowledged. */
async function visitors({ env, issuer }: { env: Record<string, string>; issuer: string }) {
  const installation = await openInstallation(loadSettings({ env }), { initialise: true });
  const app = await RelyingParty.register(issuer, installation.clients);
  const told: string[] = [];
  let going = true;
  const people = Array.from({ length: 2 }, async (_, person) => {
    for (let i = 0; going; i++) {
      const username = `p${person}-${i}`;
      await app.signUp(new Browser(issuer), { username }).then(
        () => told.push(username),
        // The worker that answered is gone.
        () => pause(20),
      );
    }
  });
  return {
    more(count: number) {
      const enough = told.length + count;
      return vi.waitUntil(() => told.length >= enough, WAITING);
    },
    /** Ends it, and gives those that were acknowledged and are not there. */
    async lost(): Promise<string[]> {
      going = false;
      await Promise.all(people);
      const lost: string[] = [];
      for (const username of told)
        if ((await installation.accounts.findByLogin(username))?.value.state !== "active")
          lost.push(username);
      process.stdout.write(`F23: ${told.length} sign-ups acknowledged, ${lost.length} lost\n`);
      await installation.close();
      return lost;
    },
  };
}

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
