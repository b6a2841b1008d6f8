/** The portal in a real browser: one sign-in, a click for each app, one sign-out; and who may open what. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { logoutReceiver, type Receiver } from "../support/receiver.ts";
import type { App } from "./app.ts";
import { button, heading, journey } from "./journey.ts";
import { eventually } from "./site.ts";
import { type Person, person, type VisitOptions } from "./visit.ts";

journey("the portal", (here) => {
  let wiki: App;
  let board: App;
  let receiver: Receiver;
  let jane: Person;

  beforeAll(async () => {
    receiver = await logoutReceiver();
    wiki = await here.open({ name: "Wiki", backchannelLogoutUri: receiver.url });
    board = await here.open({ name: "Board papers", firstParty: false });
    const { clients } = here.running.installation;
    await clients.update(wiki.clientId, { clientUri: `${wiki.origin}/login` });
    await clients.update(board.clientId, { clientUri: `${board.origin}/login`, groups: ["board"] });
  });
  afterAll(() => receiver?.close());

  async function come(options: VisitOptions = {}) {
    jane = await person(here.running);
    const visit = await here.come({ as: jane, ...options });
    await visit.open(`${here.running.issuer}/`);
    await heading(visit.page, "Your apps").waitFor();
    return visit;
  }
  const links = (page: Page) => page.getByRole("list").getByRole("link");
  const link = (page: Page, name: string) => links(page).filter({ hasText: name });
  const welcome = (page: Page) => heading(page, "Welcome").waitFor();

  it("signs in once, opens an app without another ceremony, and signs out of both", async () => {
    const { page, open, authenticator } = await come();
    expect(new URL(page.url()).pathname).toBe("/apps");
    expect(await links(page).allTextContents()).toEqual([
      expect.stringContaining("Latchkey demo"),
      expect.stringContaining("Wiki"),
    ]);
    // From here on nobody touches the sensor.
    await authenticator.setPresence(false);
    await link(page, "Wiki").click();
    await welcome(page);
    expect(wiki.claims()).toMatchObject({ sub: jane.id, acr: "phr" });

    await open(`${here.running.issuer}/apps`);
    await button(page, "Sign out").click();
    await heading(page, "signed out").waitFor();
    await eventually(() => receiver.told.length).toBe(1);
    await open(wiki.login({ prompt: "none" }));
    expect(await page.locator("p").textContent()).toBe("login_required");
    await open(`${here.running.issuer}/apps`);
    await heading(page, "Sign in").waitFor();
  });

  it("opens an app with the keyboard alone, and the demo with one click", async () => {
    const { page, open } = await come();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByText(jane.id).first().waitFor();
    expect(new URL(page.url()).pathname).toBe("/demo");
    await open(`${here.running.issuer}/apps`);
    await page.getByRole("link", { name: "Your account" }).click();
    await heading(page, "Your account").waitFor();
    await page.getByRole("link", { name: "Your apps" }).click();
    await heading(page, "Your apps").waitFor();
  });

  it("works without a script, once somebody is signed in", async () => {
    const { page } = await come();
    const plain = await here.come({
      javaScriptEnabled: false,
      storageState: await page.context().storageState(),
    });
    await plain.open(`${here.running.issuer}/apps`);
    await link(plain.page, "Wiki").click();
    await welcome(plain.page);
    expect(wiki.claims().sub).toBe(jane.id);
  });

  it("keeps an app for the members of its group: out of sight, and closed at its own door", async () => {
    const { page, open } = await come();
    expect(await link(page, "Board papers").count()).toBe(0);
    await open(board.login());
    await heading(page, "Not signed in").waitFor();
    expect(await page.locator("p").textContent()).toBe("access_denied");

    await here.running.installation.accounts.joinGroup(jane.id, "board");
    await open(`${here.running.issuer}/apps`);
    await link(page, "Board papers").click();
    await heading(page, "Allow access?").waitFor();
    await button(page, "Allow").click();
    await welcome(page);
    expect(board.claims().sub).toBe(jane.id);
  });

  it("refuses at a fresh sign-in, too", async () => {
    jane = await person(here.running);
    const { page, open } = await here.come({ as: jane });
    await open(board.login());
    await heading(page, "Not signed in").waitFor();
    expect(await page.locator("p").textContent()).toBe("access_denied");
  });
});
