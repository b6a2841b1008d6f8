/**
 * F16: two instances behind a balancer are restarted in turn while people sign in. Each flow may pass through both;
 * none of them may fail.
 */

import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import { describe, expect, test } from "vitest";
import { loadSettings } from "../../src/config/load.ts";
import { openInstallation } from "../../src/installation.ts";
import { Browser } from "../support/browser.ts";
import { SECRET } from "../support/installation.ts";
import { logLine, type Program, startProgram } from "../support/program.ts";
import { freePort, withoutRedis } from "../support/redis.ts";
import { RelyingParty } from "../support/relying-party.ts";
import { stores } from "../support/stores.ts";

interface Instance {
  port: number;
  program: Program;
}

const redis = stores.find(({ name }) => name === "redis");

describe.skipIf(withoutRedis)("F16 a rolling restart", () => {
  test("of two instances loses none of more than a hundred flows", async () => {
    const opened = await (redis as (typeof stores)[number]).open();
    const balancer = await startBalancer();
    const issuer = `http://localhost:${balancer.port}`;
    const env = { LATCHKEY_ISSUER: issuer, LATCHKEY_STORE: opened.url, LATCHKEY_SECRET: SECRET };
    const settings = loadSettings({ env: { ...env, LATCHKEY_PORT: "1" } });
    const installation = await openInstallation(settings, { store: opened.store, initialise: true });
    const instances = await Promise.all([start(env), start(env)]);
    balancer.use(instances.map(({ port }) => port));
    const app = await RelyingParty.register(issuer, installation.clients);
    const outcomes: string[] = [];
    let going = true;
    const people = Array.from({ length: 8 }, async (_, person) => {
      for (let i = 0; going; i++) {
        const browser = new Browser(issuer);
        try {
          await app.signUp(browser, { email: `p${person}-${i}@example.com` });
          const [request, answer] = await app.authorize(new Browser(issuer, browser.authenticator));
          // What stands in the way of the code says more than the code that is missing.
          if (!answer.url.includes("/cb?")) throw new Error(`${answer.status} ${answer.url} ${answer.text}`);
          await app.tokens(request, answer);
          outcomes.push("done");
        } catch (error) {
          outcomes.push(String(error));
        }
      }
    });
    for (let round = 0; round < 4; round++) {
      const index = round % 2;
      const old = instances[index] as Instance;
      // As an operator does it: out of the balancer when it stops being ready, back when its successor is.
      old.program.signal("SIGTERM");
      balancer.use([instances[1 - index]?.port as number]);
      expect(await old.program.ended, old.program.said()).toBe(0);
      instances[index] = await start(env);
      balancer.use(instances.map(({ port }) => port));
    }
    await expect.poll(() => outcomes.length, { timeout: 60_000 }).toBeGreaterThan(100);
    going = false;
    await Promise.all(people);
    expect(outcomes.filter((outcome) => outcome !== "done")).toEqual([]);
    process.stdout.write(`F16: ${outcomes.length} flows, 4 restarts, 0 failed\n`);
    for (const { program } of instances) program.clear();
    balancer.close();
    await installation.close();
    await opened.close();
  });
});

async function start(env: Record<string, string>): Promise<Instance> {
  const port = await freePort();
  const own = { ...env, LATCHKEY_PORT: String(port), LATCHKEY_LOG_FORMAT: "json" };
  const program = startProgram(process.execPath, ["dist/cli.js", "serve"], { env: own });
  await program.line(logLine("listening"));
  return { port, program };
}

/** Hands each request to the next instance, and to another one when the first takes no connection any more. */
async function startBalancer() {
  let ports: number[] = [];
  let turn = 0;
  const server: Server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk) => chunks.push(chunk));
    incoming.on("end", () => pass(Buffer.concat(chunks), 4));
    function pass(body: Buffer, attempts: number): void {
      const port = ports[turn++ % ports.length];
      const { method, url, headers } = incoming;
      const options = { host: "127.0.0.1", port, method, path: url, headers, agent: false };
      const sent = request(options, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      sent.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "ECONNREFUSED" && attempts > 1) pass(body, attempts - 1);
        else {
          process.stdout.write(`balancer: ${error.code} ${method} ${url}\n`);
          outgoing.writeHead(502).end();
        }
      });
      sent.end(body);
    }
  }).listen(0, "localhost");
  await once(server, "listening");
  return {
    port: (server.address() as { port: number }).port,
    use(now: number[]) {
      ports = now;
    },
    close: () => server.close(),
  };
}
