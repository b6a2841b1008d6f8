/** Signing in to apps on an origin of their own, in a real browser: every way in, every way back. */
import type { Page } from "playwright-core";
import { beforeAll, expect, it } from "vitest";
import { virtualAuthenticator } from "../support/chromium.ts";
import type { App } from "./app.ts";
import { button, heading, journey } from "./journey.ts";
import { eventually } from "./site.ts";
import { type Person, person, type Visit, type VisitOptions } from "./visit.ts";

journey("signing in to apps", (here) => {
  let wiki: App;
  let single: App;
  let jane: Person;

  beforeAll(async () => {
    wiki = await here.open({ firstParty: false });
    single = await here.open({ name: "Single page", kind: "spa" });
  });

  async function come(options: VisitOptions = {}): Promise<Visit> {
    jane = await person(here.running);
    return here.come({ as: jane, ...options });
  }
  /** With an authenticator that answers nobody yet. */
  const comeWaiting = () => come({ authenticator: { automaticPresenceSimulation: false } });
  const welcome = (page: Page) => heading(page, "Welcome").waitFor();

  it("signs in by autofill alone: nothing is typed and nothing is pressed", async () => {
    const { page, open } = await come();
    await open(here.app.login());
    await welcome(page);
    expect(here.app.claims()).toMatchObject({ sub: jane.id, email: jane.email, name: jane.name, acr: "phr" });
    expect(new Set(here.app.claims().amr as string[])).toEqual(new Set(["pop", "user", "mfa", "swk"]));
  });

  it("signs in by the button, which ends the suggestion that was waiting, with the keyboard alone", async () => {
    const { page, open, offered } = await comeWaiting();
    await open(here.app.login());
    await heading(page, "Sign in").waitFor();
    await offered();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("username");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await welcome(page);
    expect(here.app.claims().sub).toBe(jane.id);
  });

  it("asks once before somebody else's app gets anything, and not again", async () => {
    const { page, open } = await come();
    await open(wiki.login());
    await heading(page, "Allow access?").waitFor();
    const asked = await page.getByRole("main").textContent();
    for (const words of ["Wiki", jane.email, "See your email address"]) expect(asked).toContain(words);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await welcome(page);
    expect(wiki.claims()).toMatchObject({ sub: jane.id, email: jane.email });
    await open(wiki.login({ prompt: "login" }));
    await welcome(page);
  });

  it("tells the app when access is not allowed, and asks the next time", async () => {
    const { page, open } = await come();
    await open(wiki.login());
    await button(page, "Cancel").click();
    await heading(page, "Not signed in").waitFor();
    expect(await page.locator("p").textContent()).toBe("access_denied");
    await open(wiki.login());
    await button(page, "Allow").click();
    await welcome(page);
  });

  it("lets somebody decide without a script, and follows the answer to the app", async () => {
    const { page, open } = await come();
    await open(here.app.login());
    await welcome(page);
    const storageState = await page.context().storageState();
    for (const [choice, outcome] of [
      ["Cancel", "Not signed in"],
      ["Allow", "Welcome"],
    ] as const) {
      const plain = await come({ javaScriptEnabled: false, storageState });
      await plain.open(wiki.login());
      await button(plain.page, choice).click();
      await heading(plain.page, outcome).waitFor();
    }
  });

  it("brings the answer to the app as a form where it asks for that", async () => {
    const { page, open } = await come();
    await open(here.app.login({ response_mode: "form_post" }));
    await welcome(page);
    expect(new URL(page.url()).search).toBe("");
    expect(here.app.claims().sub).toBe(jane.id);
    await open(wiki.login({ response_mode: "form_post" }));
    await button(page, "Allow").click();
    await welcome(page);
    expect(wiki.claims().sub).toBe(jane.id);
  });

  it("signs out where the app asks for it, and leads back to the app", async () => {
    const { page, open } = await come();
    await open(here.app.login());
    await welcome(page);
    await open(`${here.app.origin}/sign-out`);
    await button(page, "Sign out").click();
    await heading(page, "Goodbye").waitFor();
    expect(new URL(page.url()).origin).toBe(here.app.origin);
    await open(here.app.login({ prompt: "none" }));
    expect(await page.locator("p").textContent()).toBe("login_required");
  });

  it("stays signed in where somebody decides so, and leads back to the app too", async () => {
    const { page, open } = await come();
    await open(here.app.login());
    await welcome(page);
    await open(`${here.app.origin}/sign-out`);
    await button(page, "Stay signed in").click();
    await heading(page, "Goodbye").waitFor();
    await open(here.app.login({ prompt: "none" }));
    await welcome(page);
  });

  it("signs in within a window that the app opened, and the app's page hears of it", async () => {
    const { page, open } = await come();
    await open(here.app.origin);
    const [popup] = await Promise.all([
      page.waitForEvent("popup"),
      button(page, "Sign in in a window").click(),
    ]);
    await heading(popup, "Sign in").waitFor();
    expect(await popup.evaluate(() => opener !== null)).toBe(true);
    const device = await virtualAuthenticator(popup);
    await device.addCredential(jane.passkey);
    await button(popup, "Sign in with a passkey").click();
    await heading(page, "welcome").waitFor();
    expect(here.app.claims().sub).toBe(jane.id);
  });

  it("gives a page that has no server its tokens and claims, where it was registered", async () => {
    const { page, open } = await come();
    await open(`${single.origin}/page`);
    await eventually(() => page.locator("p").textContent()).toBe(jane.email);
  });

  it("connects a device, after a mistyped code and a sign-in", async () => {
    const { page, open } = await come();
    const grants = ["authorization_code", "device_code"];
    const tv = await here.running.app({
      name: "Television",
      kind: "native",
      redirectUris: [`${here.app.origin}/cb`],
      grants,
    });
    const given = (await (await tv.post("/device/auth", { scope: "openid email" })).json()) as Record<
      string,
      string
    >;
    await open(given.verification_uri!);
    const code = page.getByRole("textbox", { name: "Code" });
    await code.fill("BBBB-BBBB");
    await button(page, "Continue").click();
    await page.getByRole("alert").waitFor();
    await code.fill(given.user_code!.toLowerCase());
    await button(page, "Continue").click();
    await page.getByText(given.user_code!).waitFor();
    await button(page, "Continue").click();
    await heading(page, "Device connected").waitFor();
    const form = {
      grant_type: "urn:ietf:params:oauth:grant-type:device_code",
      device_code: given.device_code!,
    };
    expect((await tv.post("/token", form)).status).toBe(200);
  });

  it("speaks German to who prefers it, and whatever the app asks for before that", async () => {
    const german = await come({
      locale: "de-AT",
      authenticator: { automaticPresenceSimulation: false },
    });
    await german.open(wiki.login());
    await heading(german.page, "Anmelden").waitFor();
    expect(await german.page.locator("html").getAttribute("lang")).toBe("de");
    await german.offered();
    await button(german.page, "Mit Passkey anmelden").click();
    await heading(german.page, "Zugriff erlauben?").waitFor();
    await german.open(wiki.login({ ui_locales: "fr en", prompt: "login" }));
    await heading(german.page, "Allow access?").waitFor();
    const british = await comeWaiting();
    await british.open(here.app.login({ ui_locales: "de" }));
    await heading(british.page, "Anmelden").waitFor();
  });
});
