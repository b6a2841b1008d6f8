/** The way back in, the way in by invitation, and what the owner can say about either, in a real browser. */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Account } from "../../src/account/account.ts";
import { browserSkipped, launchChromium } from "../support/chromium.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { stores } from "../support/stores.ts";
import { type App, openApp } from "./app.ts";
import { eventually } from "./site.ts";
import { buildProgram, type Person, person, type Visit, type VisitOptions, visit } from "./visit.ts";

const HOUR = 60 * 60 * 1000;

describe.skipIf(browserSkipped)("a recovery", () => {
  let browser: Browser;

  beforeAll(async () => {
    buildProgram();
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  describe.each(stores)("over $name", (kind) => {
    let running: Running;
    let app: App;
    const visits: Visit[] = [];

    beforeAll(async () => {
      running = await startInstallation(kind);
      app = await openApp(running);
    });
    afterAll(async () => {
      await app?.close();
      await running?.stop();
    });
    afterEach(async () => {
      for (const one of visits.splice(0)) await one.end();
    });

    async function come(options: VisitOptions = {}): Promise<Visit> {
      const made = await visit(browser, options);
      visits.push(made);
      return made;
    }
    const button = (page: Page, name: string) => page.getByRole("button", { name });
    const heading = (page: Page, name: string) => page.getByRole("heading", { name });
    const field = (page: Page, name: string) => page.getByRole("textbox", { name, exact: true });
    const account = async ({ id }: Person) =>
      (await running.installation.accounts.find(id))?.value as Account;

    /** Somebody's recovery codes, made and read on the account's page. */
    async function saveCodes(jane: Person): Promise<string[]> {
      const { page, open } = await come({ as: jane });
      await open(`${running.issuer}/account`);
      await button(page, "Create recovery codes").click();
      await heading(page, "Your recovery codes").waitFor();
      const codes = await page.locator("ol.codes code").allTextContents();
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("link", { name: "Download" }).click(),
      ]);
      expect(download.suggestedFilename()).toBe("recovery-codes.txt");
      await page.getByRole("link", { name: "I have saved them" }).click();
      await page.getByText("10 of them are left").waitFor();
      return codes;
    }

    /** From the page that makes a passkey to where the sitting leads. */
    async function makeAndProve(page: Page): Promise<void> {
      await heading(page, "Create a passkey").waitFor();
      await button(page, "Create a passkey").click();
      await heading(page, "Use your new passkey").waitFor();
      await button(page, "Continue with your passkey").click();
    }

    it("leads from a code to the app with a passkey, and the holder of the old one can undo it", async () => {
      const jane = await person(running);
      const [code = ""] = await saveCodes(jane);
      const { page, open, authenticator, refusals } = await come();
      await open(app.login());
      await page.getByRole("link", { name: "Can't use your passkey?" }).click();
      await heading(page, "Can't use your passkey?").waitFor();
      await field(page, "Email or username").fill((await account(jane)).username);
      await field(page, "Recovery code or pass").fill(` ${code.toLowerCase().replaceAll("-", " ")} `);
      await button(page, "Continue").click();
      await heading(page, "Create a passkey").waitFor();
      await page.getByRole("group", { name: "Which passkeys are lost?" }).getByRole("checkbox").check();
      await makeAndProve(page);
      await heading(page, "Welcome").waitFor();
      expect(app.claims()).toMatchObject({ sub: jane.id, acr: "phr" });
      expect((await account(jane)).passkeys.map(({ state }) => state)).toEqual(["suspended", "active"]);

      const old = await come({ as: jane });
      await old.open(app.login());
      await heading(old.page, "Was this you?").waitFor();
      await button(old.page, "It wasn't me: undo it").click();
      await heading(old.page, "Welcome").waitFor();
      expect((await account(jane)).passkeys.map(({ state }) => state)).toEqual(["active"]);

      // What the recovery had added opens nothing any more, and its device is told to forget it.
      await open(`${running.issuer}/account`);
      await heading(page, "Sign in").waitFor();
      await eventually(() => authenticator.credentials()).toEqual([]);
      expect(refusals()).toEqual([401]);
    });

    it("begins with a pass from a link, which is in no address any more when it is used", async () => {
      const jane = await person(running);
      const { pass } = await running.installation.accounts.issuePass(jane.id, { ttl: HOUR, by: "cli" });
      const { page, open } = await come();
      const asked: string[] = [];
      page.on("request", (request) => asked.push(request.url()));
      const { username } = await account(jane);
      await open(`${running.issuer}/pass#${username}/${pass}`);
      await eventually(() => field(page, "Recovery code or pass").inputValue()).toBe(pass);
      expect(page.url()).not.toContain(pass);
      expect(await field(page, "Email or username").inputValue()).toBe(username);
      await button(page, "Continue").click();
      await makeAndProve(page);
      await heading(page, "Your account").waitFor();
      await page.getByText("This account was recovered").waitFor();
      expect(asked.filter((url) => url.includes(pass.slice(0, 10)))).toEqual([]);
    });

    it("is not needed by who is invited: the link makes the account, with what the operator wrote", async () => {
      const email = `kim.${kind.name}@example.com`;
      const { token } = await running.installation.invitations.issue(
        { name: "Kim Invited", email, emailVerified: true },
        HOUR,
      );
      const { page, open, authenticator, refusals } = await come();
      await open(`${running.issuer}/invite/${token}`);
      expect(await field(page, "Name").inputValue()).toBe("Kim Invited");
      expect(await field(page, "Email").inputValue()).toBe(email);
      await button(page, "Create a passkey").click();
      await page.waitForURL(`${running.issuer}/account`);
      await page.getByText(email).first().waitFor();
      expect(await authenticator.credentials()).toHaveLength(1);
      const made = (await running.installation.accounts.findByLogin(email))?.value;
      expect(made).toMatchObject({ emailVerified: true, passkeys: [{ addedBy: "invitation" }] });
      await open(`${running.issuer}/invite/${token}`);
      await heading(page, "This invitation was used already, has expired, or never existed.").waitFor();
      expect(refusals()).toEqual([404]);
    });
  });
});
