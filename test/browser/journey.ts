/** What every journey needs: a real browser, and over each kind of store a provider with an app of the same people. */
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe } from "vitest";
import type { Account } from "../../src/account/account.ts";
import type { ClientInput } from "../../src/oidc/client/clients.ts";
import { browserSkipped, launchChromium } from "../support/chromium.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { stores } from "../support/stores.ts";
import { type App, openApp } from "./app.ts";
import { buildProgram, type Visit, type VisitOptions, visit } from "./visit.ts";

export interface Journey {
  readonly running: Running;
  readonly app: App;
  /** A further app. */
  open(input: Partial<ClientInput>): Promise<App>;
  /** Somebody comes with a browser profile of his own, and leaves when the test is over. */
  come(options?: VisitOptions): Promise<Visit>;
  /** An account as it is now. */
  account(id: string): Promise<Account>;
}

/** The flags of Chromium: with the cache behind the back button, as people have it. */
export const backForwardCache = { without: ["--disable-back-forward-cache"] };

/** A journey over each store. `tell` has the tests; what it is given is there when they run, not before. */
export function journey(
  title: string,
  tell: (here: Journey) => void,
  flags: Parameters<typeof launchChromium>[0] = {},
): void {
  describe.skipIf(browserSkipped)(title, () => {
    let browser: Browser;
    beforeAll(async () => {
      buildProgram();
      browser = await launchChromium(flags);
    });
    afterAll(() => browser?.close());

    describe.each(stores)("over $name", (kind) => {
      let running: Running;
      const apps: App[] = [];
      const visits: Visit[] = [];
      const open = async (input?: Partial<ClientInput>) => {
        const app = await openApp(running, input);
        apps.push(app);
        return app;
      };
      beforeAll(async () => {
        running = await startInstallation(kind);
        await open();
      });
      afterAll(async () => {
        for (const app of apps) await app.close();
        await running?.stop();
      });
      afterEach(async () => {
        for (const one of visits.splice(0)) await one.end();
      });
      tell({
        get running() {
          return running;
        },
        get app() {
          return apps[0] as App;
        },
        open,
        async come(options) {
          const made = await visit(browser, options);
          visits.push(made);
          return made;
        },
        account: async (id) => (await running.installation.accounts.find(id))?.value as Account,
      });
    });
  });
}

export const button = (page: Page, name: string): Locator => page.getByRole("button", { name });
export const heading = (page: Page, name: string): Locator => page.getByRole("heading", { name });
export const field = (page: Page, name: string): Locator => page.getByRole("textbox", { name, exact: true });
export const alert = (page: Page): Locator => page.getByRole("alert");
