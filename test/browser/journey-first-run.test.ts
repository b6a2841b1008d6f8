/** The first run: from the link that the program prints to a signed-in app, and the same again after a restart. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { browserSkipped, launchChromium } from "../support/chromium.ts";
import { logLine, type Program, startProgram } from "../support/program.ts";
import { freePort } from "../support/redis.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { eventually } from "./site.ts";
import { buildProgram, type Visit, visit } from "./visit.ts";

const cli = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

// A build and two starts of the program may wait for their neighbours on a small machine.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

describe.skipIf(browserSkipped)("the first run", () => {
  let browser: Browser;

  beforeAll(async () => {
    buildProgram();
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  describe.each(stores)("on $name", (kind) => {
    let folder: string;
    let store: OpenStore | undefined;
    let program: Program;
    let issuer: string;
    let owner: Visit;
    let env: Record<string, string>;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "latchkey-first-run-"));
      // The embedded store needs no setting at all.
      if (kind.name !== "lmdb") store = await kind.open();
      env = { LATCHKEY_PORT: String(await freePort()), ...(store ? { LATCHKEY_STORE: store.url } : {}) };
      issuer = `http://localhost:${env.LATCHKEY_PORT}`;
      owner = await visit(browser);
    });
    afterAll(async () => {
      program?.clear();
      await store?.close();
      await rm(folder, { recursive: true, force: true });
    });

    async function start(): Promise<void> {
      program = startProgram(process.execPath, [cli, "serve"], { cwd: folder, env });
      await program.line(logLine("listening"));
    }
    async function stop(): Promise<void> {
      program.signal("SIGTERM");
      expect(await program.ended, program.said()).toBe(0);
    }

    it("leads from the printed link to an owner, and through the demo app out again, also after a restart", async () => {
      const { page, open } = owner;
      await start();
      const { url } = await program.line(logLine("setup"));

      await open(String(url));
      await page.getByRole("textbox", { name: "Name", exact: true }).fill("Olga Owner");
      await page.getByRole("textbox", { name: "Email" }).fill("olga@example.com");
      await page.getByRole("button", { name: "Create a passkey" }).click();
      await page.waitForURL(`${issuer}/account`);
      expect(await page.getByRole("main").textContent()).toContain("Olga Owner");
      expect(await page.getByRole("heading", { name: "Passkeys" }).isVisible()).toBe(true);

      await open(`${issuer}/demo`);
      await page.getByRole("link", { name: "Sign in" }).click();
      await page.getByRole("heading", { name: "You are signed in" }).waitFor();
      const told = await claims(page);
      expect(told).toMatchObject({ name: "Olga Owner", email: "olga@example.com", acr: "phr", iss: issuer });
      expect(await explanations(page)).not.toContain("A claim that this page has no explanation for.");
      expect(await explanations(page)).not.toContain("");

      const before = Number.parseInt(told.auth_time ?? "", 10);
      await eventually(() => Math.floor(Date.now() / 1000)).toBeGreaterThan(before);
      await page.getByRole("link", { name: "Sign in again with a fresh passkey" }).click();
      await eventually(async () =>
        Number.parseInt((await claims(page)).auth_time ?? "0", 10),
      ).toBeGreaterThan(before);

      await page.getByRole("link", { name: "Sign out" }).click();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("heading", { name: "Demo app" }).waitFor();

      await stop();
      await start();
      await open(`${issuer}/account`);
      await page.waitForURL(`${issuer}/account`);
      await page.getByRole("heading", { name: "Passkeys" }).waitFor();
      expect(program.stdout.filter((line) => logLine("setup")(line) !== undefined)).toEqual([]);

      await open(String(url));
      await page
        .getByRole("heading", { name: "This setup link was used, has expired, or never existed." })
        .waitFor();
      expect(await page.getByRole("main").textContent()).toContain("setup_link_invalid");
      expect(owner.refusals()).toEqual([404]);
      await stop();
      await owner.end();
    });
  });
});

/** The claims on the page by their names, userinfo's last. */
async function claims(page: Page): Promise<Record<string, string>> {
  const texts = await page
    .locator("dl.claims > div")
    .evaluateAll((rows) =>
      rows.map(
        (row) =>
          [
            row.querySelector("dt")?.textContent ?? "",
            row.querySelector("dd code")?.textContent ?? "",
          ] as const,
      ),
    );
  return Object.fromEntries(texts);
}

function explanations(page: Page): Promise<string[]> {
  return page
    .locator("dl.claims > div")
    .evaluateAll((rows) => rows.map((row) => row.querySelector(".hint")?.textContent ?? ""));
}
