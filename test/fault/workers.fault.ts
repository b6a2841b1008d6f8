/** F23: how long a port has one worker less after one was killed. That it is replaced at all: `test/flow`. */
import { describe, expect, test, vi } from "vitest";
import { SECRET } from "../support/installation.ts";
import { logLine, startProgram } from "../support/program.ts";
import { freePort, startRedis, withoutRedis } from "../support/redis.ts";

const WAITING = { timeout: 30_000, interval: 10 };
const KILLS = 6;

describe.skipIf(withoutRedis)("F23 workers that are killed", () => {
  test("one after another are replaced, and how soon is measured", async () => {
    const redis = await startRedis();
    const program = startProgram(process.execPath, ["dist/cli.js", "serve"], {
      env: {
        LATCHKEY_STORE: redis.url,
        LATCHKEY_PORT: String(await freePort()),
        LATCHKEY_SECRET: SECRET,
        LATCHKEY_WORKERS: "2",
        LATCHKEY_LOG_FORMAT: "json",
      },
    });
    try {
      await program.line(logLine("listening"));
      const serves = logLine("a worker serves");
      const serving = () => program.stdout.map(serves).filter((line) => line !== undefined);
      await vi.waitUntil(() => serving().length === 2, WAITING);
      const took: number[] = [];
      for (let kill = 0; kill < KILLS; kill++) {
        const victim = Number(serving().at(-1)?.workerPid);
        const before = serving().length;
        const at = performance.now();
        process.kill(victim, "SIGKILL");
        await vi.waitUntil(() => serving().length > before, WAITING);
        took.push(Math.round(performance.now() - at));
      }
      // Two seconds are promised for a machine with nothing else to do; what this one has to do nobody knows.
      process.stdout.write(`F23: replaced after ${took.sort((a, b) => a - b).join(", ")} ms\n`);
      expect(took).toHaveLength(KILLS);
    } finally {
      program.clear();
      await redis.stop();
    }
  });
});
