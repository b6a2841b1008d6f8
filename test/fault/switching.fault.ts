/** F24: a move with the shortest switch that docs/operations.md describes, while people sign up. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { accountRecord } from "../../src/account/account.ts";
import { connectStore } from "../../src/store/connect.ts";
import { type Operator, operator } from "../command/operator.ts";
import { Browser } from "../support/browser.ts";
import { SECRET } from "../support/installation.ts";
import { logLine, type Program, startProgram } from "../support/program.ts";
import { freePort, type RedisServer, startRedis, withoutRedis } from "../support/redis.ts";

const PATIENCE = { timeout: 90_000, interval: 50 };

/** Sends each connection to the first server that says that it is ready, and to the first one when none does. */
async function startBalancer(ports: number[]): Promise<{ port: number; close(): void }> {
  const ready = (port: number) =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    );
  const server = createServer((client) => {
    client.on("error", () => {}).pause();
    void Promise.all(ports.map(ready)).then((states) => {
      const target = ports[states.indexOf(true)] ?? ports[0];
      const upstream = connect({ port: target as number, host: "127.0.0.1" });
      upstream.on("error", () => client.destroy());
      client.pipe(upstream).pipe(client);
    });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "localhost", resolve));
  return { port, close: () => void server.close() };
}

/** People who sign up one after another; what was acknowledged, and how long nobody was. */
function signingUp(issuer: string) {
  const acknowledged: string[] = [];
  const wrong: string[] = [];
  let [going, longest, last] = [true, 0, performance.now()];
  const done = (async () => {
    for (let i = 0; going; i++) {
      const person = new Browser(issuer);
      const username = `p${i}`;
      try {
        const page = await person.open("/sign-up");
        const answer = page.status === 200 ? await person.perform(page, { username }) : page;
        if (answer.status === 200) {
          longest = Math.max(longest, performance.now() - last);
          last = performance.now();
          acknowledged.push(username);
        } else if (answer.status !== 503) wrong.push(`${answer.status} ${answer.text.slice(0, 200)}`);
        else await pause(50);
      } catch {
        // A connection that came to nobody.
        await pause(50);
      }
    }
  })();
  return {
    acknowledged,
    wrong,
    longest: () => Math.round(longest),
    async stop() {
      going = false;
      await done;
    },
  };
}

describe.skipIf(withoutRedis)("F24 a move with the shortest switch", () => {
  const programs: Program[] = [];
  let folder: string;
  let target: RedisServer;
  let admin: Operator;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-switch-"));
    target = await startRedis();
    admin = operator({ LATCHKEY_SECRET: SECRET });
  });
  afterEach(async () => {
    for (const program of programs.splice(0)) program.clear();
    admin.remove();
    await target.stop();
    rmSync(folder, { recursive: true });
  });

  function serve(env: Record<string, string>): Program {
    const own = { LATCHKEY_SECRET: SECRET, LATCHKEY_LOG_FORMAT: "json" };
    const limits = join(folder, "latchkey.config.json");
    writeFileSync(limits, JSON.stringify({ limits: { ceremonies: "100000/1m", signUps: "100000/1m" } }));
    const program = startProgram(process.execPath, ["dist/cli.js", "serve"], {
      env: { ...own, LATCHKEY_CONFIG: limits, ...env },
    });
    programs.push(program);
    return program;
  }

  /** Everybody who was told that it worked is there, and everybody's session goes on. */
  async function nobodyIsLost(people: ReturnType<typeof signingUp>, url: string, moved: string) {
    const store = await connectStore(url);
    const lost: string[] = [];
    for (const username of people.acknowledged) {
      const hint = await store.read<{ account: string }>(`username:${username}`);
      const account = hint && (await accountRecord.read(store, hint.value.account));
      if (account?.value.state !== "active") lost.push(username);
    }
    await store.close();
    expect(people.wrong).toEqual([]);
    expect(lost).toEqual([]);
    process.stdout.write(
      `F24 ${moved}: ${people.acknowledged.length} sign-ups, 0 lost, none for ${people.longest()} ms at the longest\n`,
    );
  }

  test("the successors wait in a supervisor's restarts, and refuse until the move is done", async () => {
    const ports = [await freePort(), await freePort()] as const;
    const balancer = await startBalancer([...ports]);
    const issuer = `http://localhost:${balancer.port}`;
    const from = `lmdb:${join(folder, "data")}`;
    const old = serve({ LATCHKEY_ISSUER: issuer, LATCHKEY_PORT: String(ports[0]), LATCHKEY_STORE: from });
    await old.line(logLine("listening"));
    const source = await connectStore(from);
    const meta = await source.read<{ id: string }>("meta:store");
    await source.close();

    const env = {
      LATCHKEY_ISSUER: issuer,
      LATCHKEY_PORT: String(ports[1]),
      LATCHKEY_STORE: target.url,
      LATCHKEY_STORE_ID: meta?.value.id ?? "",
    };
    const jane = new Browser(issuer);
    await jane.complete(await jane.open("/sign-up"), { username: "jane" });
    const people = signingUp(issuer);
    await vi.waitUntil(() => people.acknowledged.length > 20, PATIENCE);
    // What Docker and systemd do with a program that ends.
    const codes: unknown[] = [];
    let serving: Program | undefined;
    const supervised = (async () => {
      while (!serving) {
        const program = serve(env);
        const first = await Promise.race([
          program.line(logLine("listening")).catch(() => "ended"),
          program.ended,
        ]);
        if (typeof first === "object" && first !== null) serving = program;
        else codes.push(await program.ended);
      }
    })();
    await vi.waitUntil(() => codes.length > 0, PATIENCE);
    const moved = await admin.run("store", "copy", from, target.url, "--yes", "--json");
    expect(moved.code, moved.err).toBe(0);
    await supervised;
    const mark = people.acknowledged.length;
    await vi.waitUntil(() => people.acknowledged.length > mark + 20, PATIENCE);
    await people.stop();
    expect(codes.every((code) => code === 2)).toBe(true);
    expect((await fetch(`http://127.0.0.1:${ports[0]}/readyz`)).status).toBe(503);
    old.signal("SIGTERM");
    expect(await old.ended).toBe(0);
    expect((await jane.request("/account")).status).toBe(200);
    await nobodyIsLost(people, target.url, "embedded to Redis, successors waiting");
    balancer.close();
  });

  test("workers of one machine take the new address from its file at SIGHUP, and no process ends", async () => {
    const source = await startRedis();
    try {
      const port = String(await freePort());
      const issuer = `http://localhost:${port}`;
      const address = join(folder, "address");
      writeFileSync(address, source.url);
      const running = serve({
        ...{ LATCHKEY_PORT: port, LATCHKEY_WORKERS: "2" },
        LATCHKEY_STORE_FILE: address,
      });
      await running.line(logLine("listening"));
      const jane = new Browser(issuer);
      await jane.complete(await jane.open("/sign-up"), { username: "jane" });
      const people = signingUp(issuer);
      await vi.waitUntil(() => people.acknowledged.length > 20, PATIENCE);
      const moved = await admin.run("store", "copy", source.url, target.url, "--yes", "--json");
      expect(moved.code, moved.err).toBe(0);
      writeFileSync(address, target.url);
      running.signal("SIGHUP");
      const mark = people.acknowledged.length;
      await vi.waitUntil(() => people.acknowledged.length > mark + 20, PATIENCE);
      await people.stop();
      expect((await jane.request("/account")).status).toBe(200);
      await nobodyIsLost(people, target.url, "Redis to Redis, SIGHUP");
      running.signal("SIGTERM");
      expect(await running.ended).toBe(0);
    } finally {
      await source.stop();
    }
  });
});
