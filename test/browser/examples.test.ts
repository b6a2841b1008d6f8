/** The programs in `examples/`: each runs as it stands there, and does in a real browser what it is an example of. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { browserSkipped, launchChromium } from "../support/chromium.ts";
import { type Program, startProgram } from "../support/program.ts";
import { freePort, withoutRedis } from "../support/redis.ts";
import { RelyingParty } from "../support/relying-party.ts";
import { type RedisCluster, startCluster } from "../support/topologies.ts";
import { buildProgram, type Visit, visit } from "./visit.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const BASE = "examples/koa-existing-users/server.js";
const PATIENCE = { timeout: 60_000 };

describe.skipIf(browserSkipped)("the examples", () => {
  let browser: Browser;
  let app: Server;
  let redirectUri: string;
  let folder: string;
  let program: Program | undefined;
  const visits: Visit[] = [];

  beforeAll(async () => {
    buildProgram();
    browser = await launchChromium();
    app = createServer((_request, response) =>
      response.end('<!doctype html><link rel="icon" href="data:,"><h1>Welcome to the app</h1>'),
    ).listen(0, "127.0.0.1");
    await once(app, "listening");
    redirectUri = `http://127.0.0.1:${(app.address() as AddressInfo).port}/callback`;
  });
  afterAll(async () => {
    await browser?.close();
    app.close();
  });
  afterEach(async () => {
    for (const one of visits.splice(0)) await one.end();
    program?.clear();
    await program?.ended;
    program = undefined;
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(path: string, env: Record<string, string> = {}): Promise<RelyingParty> {
    const port = String(await freePort());
    const settings = {
      PORT: port,
      APP: redirectUri,
      USERS: join(folder, "users.db"),
      DATA: join(folder, "data"),
      ...env,
    };
    program = startProgram(process.execPath, [join(root, path)], { env: settings, cwd: root });
    await program.line((line) => line.startsWith("listening"));
    return RelyingParty.known(`http://localhost:${port}`, "wiki", "wiki-secret", redirectUri);
  }

  /** What is in the column, asked of the file itself. */
  function passwords(): string[] {
    const text = `import sqlite from "node-sqlite3-wasm";
      const db = new sqlite.Database(process.argv[1], { readOnly: true });
      console.log(JSON.stringify(db.all("SELECT login FROM users WHERE password IS NOT NULL ORDER BY login").map((row) => row.login)));
      db.close();`;
    const args = ["--input-type=module", "-e", text, join(folder, "users.db")];
    return JSON.parse(spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" }).stdout);
  }

  async function come(): Promise<Visit> {
    const one = await visit(browser, { authenticator: { automaticPresenceSimulation: false } });
    visits.push(one);
    return one;
  }
  const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
  const arrived = (page: Page) => page.getByRole("heading", { name: "Welcome to the app" }).waitFor();

  /** From a password to tokens; the passkey is made on the way. */
  async function convert(party: RelyingParty, signIn: (page: Page) => Promise<void>): Promise<Visit> {
    const one = await come();
    const { page } = one;
    const request = await party.request({ scope: "openid" });
    await one.open(request.url);
    await signIn(page);
    await page.getByRole("heading", { name: "Create a passkey" }).waitFor();
    await one.authenticator.setPresence(true);
    const create = button(page, "Create a passkey");
    const prove = page.getByRole("heading", { name: "Use your new passkey" });
    if (await create.isVisible().catch(() => false)) await create.click().catch(() => {});
    await prove.or(page.getByRole("heading", { name: "Welcome to the app" })).waitFor();
    if (await prove.isVisible().catch(() => false))
      await button(page, "Continue with your passkey")
        .click()
        .catch(() => {});
    await arrived(page);
    const answer = { url: page.url() } as never;
    expect((await party.tokens(request, answer)).idToken).toMatchObject({ sub: "1001", acr: "phr" });
    return one;
  }

  const onOurPage = async (page: Page) => {
    await page.getByRole("textbox", { name: "Email or username" }).fill("jane@example.com");
    await button(page, "Use your password").click();
    await page.getByLabel("Password", { exact: true }).fill("correct horse");
    await button(page, "Continue").click();
  };

  async function signInAgain(party: RelyingParty, one: Visit, name: string | RegExp): Promise<void> {
    await one.page.context().clearCookies();
    await one.authenticator.setPresence(false);
    const request = await party.request({ scope: "openid" });
    await one.open(request.url);
    const way = one.page.getByRole("button", { name });
    await way.waitFor();
    await one.authenticator.setPresence(true);
    await way.click().catch(() => {});
    await arrived(one.page);
    const answer = { url: one.page.url() } as never;
    expect((await party.tokens(request, answer)).idToken.sub).toBe("1001");
  }

  it(
    "koa-existing-users: before, a password; after, a passkey, and the column is empty",
    PATIENCE,
    async () => {
      folder = mkdtempSync(join(tmpdir(), "latchkey-example-"));
      const old = await start("examples/koa-existing-users/before.js");
      const before = await come();
      const request = await old.request({ scope: "openid" });
      await before.open(request.url);
      await before.page.getByLabel("Login").fill("jane");
      await before.page.getByLabel("Password").fill("correct horse");
      await button(before.page, "Sign in").click();
      await arrived(before.page);
      expect((await old.tokens(request, { url: before.page.url() } as never)).idToken.sub).toBe("1001");
      expect(passwords()).toEqual(["jane", "john"]);
      program?.clear();
      await program?.ended;

      const party = await start(BASE);
      const jane = await convert(party, onOurPage);
      expect(passwords()).toEqual(["john"]);
      await signInAgain(party, jane, "Sign in with a passkey");
    },
  );

  it.each(["express", "fastify"])("%s: the same", PATIENCE, async (name) => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-example-"));
    const party = await start(`examples/${name}/server.js`);
    await convert(party, onOurPage);
    expect(passwords()).toEqual(["john"]);
    const front = await (await fetch(party.as.issuer)).text();
    expect(front).toBe("The app's own front page");
  });

  it("own-login-page: the app's own page runs the ceremony, and everything behind it", PATIENCE, async () => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-example-"));
    const party = await start("examples/own-login-page/server.js");
    const jane = await convert(party, async (page) => {
      await page.getByRole("heading", { name: "Welcome back to wiki" }).waitFor();
      await page.locator("#old").getByLabel("Login").fill("jane");
      await page.getByLabel("Password").fill("correct horse");
      await button(page, "Use my password one last time").click();
    });
    expect(passwords()).toEqual(["john"]);
    await signInAgain(party, jane, "Open with my passkey");
  });

  describe.skipIf(withoutRedis)("with a cluster", () => {
    let cluster: RedisCluster;
    beforeAll(async () => {
      cluster = await startCluster();
    });
    afterAll(() => cluster?.stop());

    it("redis-cluster: on the app's own client, under its prefix", PATIENCE, async () => {
      folder = mkdtempSync(join(tmpdir(), "latchkey-example-"));
      const REDIS = cluster.url.replace("redis+cluster://", "");
      const party = await start("examples/redis-cluster/server.js", { REDIS });
      await convert(party, onOurPage);
      expect(passwords()).toEqual(["john"]);
    });
  });
});

describe("the variations", () => {
  it.each(["express", "fastify", "own-login-page", "redis-cluster"])(
    "%s differs from the base as its diff says",
    (name) => {
      const args = ["diff", "--no-index", "--no-color", "-U2", BASE, `examples/${name}/server.js`];
      const { stdout } = spawnSync("git", args, { cwd: root, encoding: "utf8" });
      const said = readFileSync(join(root, "examples", name, "server.diff"), "utf8");
      expect(stdout.replace(/^index .*\n/m, "")).toBe(said);
    },
  );
});
