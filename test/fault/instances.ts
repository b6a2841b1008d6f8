/** Instances of the server in processes of their own, behind a balancer, and people who sign up and in all the while. */
import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { loadSettings } from "../../src/config/load.ts";
import { openInstallation } from "../../src/installation.ts";
import { Browser } from "../support/browser.ts";
import { SECRET } from "../support/installation.ts";
import { logLine, type Program, startProgram } from "../support/program.ts";
import { freePort } from "../support/redis.ts";
import { RelyingParty } from "../support/relying-party.ts";
import { type StoreKind, stores } from "../support/stores.ts";

interface Instance {
  port: number;
  program: Program;
}

type House = Awaited<ReturnType<typeof openHouse>>;

/** The version under test. */
export const THIS = fileURLToPath(new URL("../..", import.meta.url));

/** A provider on Redis: so many instances of this version behind a balancer, and an app. */
export async function openHouse(count = 2) {
  const redis = stores.find(({ name }) => name === "redis") as StoreKind;
  const opened = await redis.open();
  const balancer = await startBalancer();
  const issuer = `http://localhost:${balancer.port}`;
  const env = {
    LATCHKEY_ISSUER: issuer,
    LATCHKEY_STORE: opened.url,
    LATCHKEY_SECRET: SECRET,
    // The balancer hands on what people say of where they are: limits are for one address.
    LATCHKEY_TRUST_PROXY: "1",
  };
  const settings = loadSettings({ env: { ...env, LATCHKEY_PORT: "1" } });
  const installation = await openInstallation(settings, { store: opened.store, initialise: true });
  const instances = await Promise.all(Array.from({ length: count }, () => start(env)));
  balancer.use(instances.map(({ port }) => port));
  return {
    env,
    balancer,
    instances,
    store: opened.store,
    app: await RelyingParty.register(issuer, installation.clients),
    async close() {
      for (const { program } of instances) program.clear();
      balancer.close();
      await installation.close();
      await opened.close();
    },
  };
}

/** Starts the program of a tree. */
export async function start(env: Record<string, string>, tree = THIS): Promise<Instance> {
  const port = await freePort();
  const own = { ...env, LATCHKEY_PORT: String(port), LATCHKEY_LOG_FORMAT: "json" };
  const program = startProgram(process.execPath, [join(tree, "dist/cli.js"), "serve"], { env: own });
  await program.line(logLine("listening"));
  return { port, program };
}

/** As an operator does it: out of the balancer when it stops being ready, back when its successor is. */
export async function replace(
  { env, balancer, instances }: House,
  index: number,
  tree = THIS,
): Promise<void> {
  const old = instances[index] as Instance;
  old.program.signal("SIGTERM");
  balancer.use(instances.filter((instance) => instance !== old).map(({ port }) => port));
  expect(await old.program.ended, old.program.said()).toBe(0);
  instances[index] = await start(env, tree);
  balancer.use(instances.map(({ port }) => port));
}

/** People who sign up, and sign in once more, one after another, until they are sent home. */
export function signingIn(app: RelyingParty, issuer: string, people = 8) {
  const outcomes: string[] = [];
  let going = true;
  const all = Array.from({ length: people }, async (_, person) => {
    for (let i = 0; going; i++) {
      const browser = new Browser(issuer);
      const again = new Browser(issuer, browser.authenticator);
      again.headers = browser.headers = { "x-forwarded-for": `10.0.${person}.${i % 256}` };
      try {
        await app.signUp(browser, { email: `p${person}-${i}@example.com` });
        const [asked, answer] = await app.authorize(again);
        // What stands in the way of the code says more than the code that is missing.
        if (!answer.url.includes("/cb?")) throw new Error(`${answer.status} ${answer.url} ${answer.text}`);
        await app.tokens(asked, answer);
        outcomes.push("done");
      } catch (error) {
        outcomes.push(String(error));
      }
    }
  });
  return {
    outcomes,
    /** Waits for so many more. */
    async more(count: number) {
      const enough = outcomes.length + count;
      await expect.poll(() => outcomes.length, { timeout: 60_000 }).toBeGreaterThan(enough);
    },
    async end() {
      going = false;
      await Promise.all(all);
    },
  };
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
