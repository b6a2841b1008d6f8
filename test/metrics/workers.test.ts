/** One scrape says what all workers have counted, and goes on saying it while they come and go. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Scraped, scrape } from "../support/metrics.ts";
import { logLine, type Program, startProgram } from "../support/program.ts";
import { freePort, type RedisServer, startRedis, withoutRedis } from "../support/redis.ts";

const SECRET = "root-secret-of-the-tests-with-more-than-32-bytes";
const WAITING = { timeout: 30_000, interval: 50 };
const DISCOVERY = "/.well-known/openid-configuration";

vi.setConfig({ testTimeout: 90_000 });

describe.skipIf(withoutRedis)("the metrics of several workers", () => {
  let redis: RedisServer;
  let program: Program;
  let issuer: string;
  let admin: number;
  let asked: number;

  beforeEach(async () => {
    redis = await startRedis();
    const port = String(await freePort());
    admin = await freePort();
    asked = 0;
    issuer = `http://localhost:${port}`;
    program = startProgram(process.execPath, ["dist/cli.js", "serve"], {
      env: {
        LATCHKEY_STORE: redis.url,
        LATCHKEY_PORT: port,
        LATCHKEY_ADMIN_PORT: String(admin),
        LATCHKEY_SECRET: SECRET,
        LATCHKEY_WORKERS: "2",
      },
    });
    await program.line(logLine("listening"));
    await until((found) => found.value("latchkey_workers") === 2);
  });
  afterEach(async () => {
    program.clear();
    await redis.stop();
  });

  /** Waits for a scrape that says so; one that meets a worker at its end is not answered. */
  function until(isTrue: (found: Scraped) => boolean): Promise<Scraped> {
    return vi.waitUntil(async () => {
      const found = await scrape(admin).catch(() => undefined);
      return found?.status === 200 && isTrue(found) && found;
    }, WAITING);
  }

  const counted = (found: Scraped) =>
    found.value("latchkey_http_requests_total", { route: DISCOVERY, method: "GET", status: "2xx" }) ?? 0;

  /** Each on a connection of its own, which any worker may take. */
  async function ask(times: number): Promise<void> {
    const ways = Array.from({ length: times }, () =>
      fetch(`${issuer}${DISCOVERY}`, { headers: { connection: "close" } }),
    );
    for (const answer of await Promise.all(ways)) expect(answer.status).toBe(200);
    asked += times;
  }

  /** The processes that say that they serve, in the order in which they did. */
  const serving = () =>
    program.stdout
      .filter((line) => line.includes("a worker serves"))
      .map((line) => JSON.parse(line).workerPid);

  test("are their sum, and every one of them is in it", async () => {
    await ask(60);
    const found = await until((now) => counted(now) === asked);
    const memory = found.value("process_resident_memory_bytes") ?? 0;
    // One process alone has less.
    expect(memory).toBeGreaterThan(80 * 2 ** 20);
    expect(found.value("latchkey_store_up")).toBe(1);
    expect(found.series.filter((key) => key.startsWith("latchkey_build_info"))).toHaveLength(1);
    program.signal("SIGTERM");
    expect(await program.ended, program.said()).toBe(0);
    expect(program.survivors()).toEqual([]);
  });

  test("do not fall when a worker is killed and another one takes its place", async () => {
    await ask(40);
    await until((now) => counted(now) === asked);
    const [victim] = serving();
    process.kill(victim, "SIGKILL");
    await vi.waitUntil(() => serving().length === 3, WAITING);
    const after = await until((now) => now.value("latchkey_workers") === 2);
    expect(counted(after)).toBe(asked);
    await ask(40);
    await until((now) => counted(now) === asked);
  });

  test("lose nothing when workers are renewed, and what is counted never falls meanwhile", async () => {
    await ask(40);
    await until((now) => counted(now) === asked);
    program.signal("SIGHUP");
    let most = 0;
    await until((now) => {
      expect(counted(now)).toBeGreaterThanOrEqual(most);
      most = counted(now);
      return serving().length === 4 && now.value("latchkey_workers") === 2;
    });
    await ask(10);
    await until((now) => counted(now) === asked);
  });

  test("are there without a worker that hangs, of which only what it had counted is in them", async () => {
    await ask(40);
    await until((now) => counted(now) === asked);
    const [stuck] = serving();
    process.kill(stuck, "SIGSTOP");
    // Not waited for: once it is ended for being stuck, there is another one.
    const found = await until((now) => now.value("latchkey_workers") === 1);
    expect(counted(found)).toBe(asked);
  });
});
