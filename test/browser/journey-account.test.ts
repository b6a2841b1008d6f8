/** Making an account with a passkey, and looking after it, in a real browser. */
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { virtualAuthenticator } from "../support/chromium.ts";
import { alert, backForwardCache, button, field, heading, journey } from "./journey.ts";
import { eventually } from "./site.ts";
import { type Person, person, type Visit } from "./visit.ts";

journey(
  "an account",
  (here) => {
    let jane: Person;

    /** Somebody on their account's page. */
    async function atHome(): Promise<Visit> {
      jane = await person(here.running);
      const made = await here.come({ as: jane });
      await made.open(`${here.running.issuer}/account`);
      await heading(made.page, "Passkeys").waitFor();
      return made;
    }
    const passkeys = async () =>
      (await here.running.installation.accounts.find(jane.id))?.value.passkeys ?? [];
    const rested = (page: Page) =>
      eventually(() => page.locator("[data-ceremony] button").isEnabled()).toBe(true);

    it("is made on the way to an app, from the sign-in page, and the app knows who it is at once", async () => {
      const { page, open, authenticator } = await here.come({
        authenticator: { automaticPresenceSimulation: false },
      });
      await open(here.app.login());
      await page.getByRole("link", { name: "Create an account" }).click();
      await heading(page, "Create your account").waitFor();
      await field(page, "Name").fill("Kim Newcomer");
      await field(page, "Email").fill("kim@example.com");
      await authenticator.setPresence(true);
      await button(page, "Create a passkey").click();
      await heading(page, "Welcome").waitFor();
      expect(here.app.claims()).toMatchObject({ name: "Kim Newcomer", email: "kim@example.com" });
      expect(await authenticator.credentials()).toHaveLength(1);
      await open(here.app.login({ prompt: "login" }));
      await heading(page, "Welcome").waitFor();
    });

    it("is made without any app, and leads to its own page", async () => {
      const { page, open, authenticator } = await here.come({
        authenticator: { automaticPresenceSimulation: false },
      });
      await open(`${here.running.issuer}/account`);
      await page.getByRole("link", { name: "Create an account" }).click();
      await heading(page, "Create your account").waitFor();
      await field(page, "Email").fill("lee@example.com");
      await authenticator.setPresence(true);
      await button(page, "Create a passkey").click();
      await page.waitForURL(`${here.running.issuer}/account`);
      await page.getByText("lee@example.com").waitFor();
    });

    it("is made beside another one that is signed in, which the page names; a taken username keeps what was typed", async () => {
      const { page, open, authenticator, refusals } = await atHome();
      await open(here.app.login({ prompt: "create" }));
      await heading(page, "Create your account").waitFor();
      expect(await page.getByRole("main").textContent()).toContain(`You are signed in as ${jane.name}.`);
      await field(page, "Name").fill("Jane's other self");
      await field(page, "Email").fill(`other-${jane.email}`);
      await page.getByText("Choose a username").click();
      const taken = (await here.running.installation.accounts.find(jane.id))?.value.username ?? "";
      await field(page, "Username").fill(taken);
      await button(page, "Create a passkey").click();
      await eventually(() => alert(page).textContent()).toBe("This username is taken. Choose another one.");
      await rested(page);
      expect(refusals()).toEqual([409]);
      expect(await field(page, "Name").inputValue()).toBe("Jane's other self");
      expect(await field(page, "Email").inputValue()).toBe(`other-${jane.email}`);
      await field(page, "Username").fill(`${taken}.other`);
      await button(page, "Create a passkey").click();
      await heading(page, "Welcome").waitFor();
      expect(here.app.claims()).toMatchObject({ preferred_username: `${taken}.other` });
      expect(here.app.claims().sub).not.toBe(jane.id);
      // The one that was made for the taken username opens nothing, so the device does not keep it.
      expect(await authenticator.credentials()).toHaveLength(2);
    });

    it("gets a second passkey from another device, gives it a name, and lets the first one go, but not the last", async () => {
      const { page, authenticator, refusals } = await atHome();
      const key = await virtualAuthenticator(page, {
        transport: "usb",
        automaticPresenceSimulation: false,
        defaultBackupEligibility: false,
        defaultBackupState: false,
      });
      await button(page, "Add a passkey").click();
      // The device that has one already says so, and asks nobody.
      await heading(page, "Add a passkey").waitFor();
      await eventually(() => alert(page).textContent()).toBe(
        "This device already has a passkey for this account.",
      );
      await authenticator.setPresence(false);
      await key.setPresence(true);
      await button(page, "Create a passkey").click();
      await page.getByText("Your new passkey is ready.").waitFor();
      expect(await passkeys()).toHaveLength(2);
      expect(
        await page.getByRole("region", { name: "Passkeys" }).getByRole("listitem").allTextContents(),
      ).toEqual([expect.stringContaining("Synced"), expect.stringContaining("On this device only")]);

      await button(page, "Rename").nth(1).click();
      const dialog = page.getByRole("dialog");
      await field(page, "New name").fill("Key on my <keyring>");
      await dialog.getByRole("button", { name: "Save" }).click();
      await page.getByText("The passkey has its new name.").waitFor();
      await heading(page, "Key on my <keyring>").waitFor();

      await button(page, "Remove").first().click();
      await page.getByText("The passkey no longer opens your account.").waitFor();
      expect((await passkeys()).map(({ name }) => name)).toEqual(["Key on my <keyring>"]);

      await button(page, "Remove").click();
      await heading(
        page,
        "This is the only way into the account. Add another one before you remove it.",
      ).waitFor();
      expect(refusals()).toEqual([409]);
      expect(await passkeys()).toHaveLength(1);
    });

    it("SEC-141 keeps the password manager in step: what opens nothing goes, names follow, and a good passkey stays", async () => {
      jane = await person(here.running);
      const { page, open, authenticator, refusals } = await here.come({ as: jane });
      const { cdp, credentials } = authenticator;
      const [deleted, updated]: [string[], (string | undefined)[]] = [[], []];
      cdp.on("WebAuthn.credentialDeleted", ({ credentialId }) => void deleted.push(credentialId));
      cdp.on("WebAuthn.credentialUpdated", ({ credential }) => void updated.push(credential.userDisplayName));
      await page.addInitScript(noteSignals);
      const signals = () => page.evaluate(() => JSON.parse(sessionStorage.getItem("signals") ?? "[]"));

      await authenticator.setPresence(false);
      await open(`${here.running.issuer}/sign-in`);
      await heading(page, "Sign in").waitFor();
      await authenticator.setPresence(true);
      await button(page, "Sign in with a passkey").click();
      await heading(page, "Passkeys").waitFor();
      await button(page, "Change").first().click();
      await field(page, "Name").fill("Jane Lakes");
      await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
      await page.getByText("Your name was changed.").waitFor();
      await eventually(() => updated.at(-1)).toBe("Jane Lakes");
      const told = (await signals()) as string[];
      expect(new Set(told)).toEqual(new Set(["signalAllAcceptedCredentials", "signalCurrentUserDetails"]));

      // A closed account is still somebody's: its passkey may open it again tomorrow.
      await button(page, "Sign out").click();
      await heading(page, "You are signed out").waitFor();
      await here.running.installation.accounts.disable(jane.id);
      await authenticator.setPresence(false);
      await open(`${here.running.issuer}/sign-in`);
      await heading(page, "Sign in").waitFor();
      await authenticator.setPresence(true);
      await button(page, "Sign in with a passkey").click();
      await eventually(() => alert(page).textContent()).toContain("That didn't work");
      await authenticator.setPresence(false);
      expect(await signals()).toEqual(told);
      expect(await credentials()).toHaveLength(1);
      expect(new Set(refusals())).toEqual(new Set([401]));

      // Removed from elsewhere: the page lists what there is, and the device lets go of the rest.
      const { accounts } = here.running.installation;
      await accounts.enable(jane.id);
      await open(`${here.running.issuer}/sign-in`);
      await heading(page, "Sign in").waitFor();
      await authenticator.setPresence(true);
      await button(page, "Sign in with a passkey").click();
      await heading(page, "Passkeys").waitFor();
      expect(deleted).toEqual([]);
      const [first] = await passkeys();
      await accounts.addPasskey(jane.id, { ...first!, id: "YW5vdGhlci1kZXZpY2U", name: "Elsewhere" });
      await accounts.removePasskey(jane.id, first!.id);
      await page.reload();
      await eventually(() => credentials()).toEqual([]);
      await eventually(() => deleted).toEqual([jane.passkey.credentialId]);
      expect(await signals()).not.toContain("signalUnknownCredential");
    });

    it("is left by signing out, opens again only by a passkey, and leads back to where somebody wanted to go", async () => {
      const { page, authenticator, offered } = await atHome();
      await authenticator.setPresence(false);
      await button(page, "Sign out").click();
      await heading(page, "You are signed out").waitFor();
      await page.goBack();
      await heading(page, "Sign in").waitFor();
      expect(await page.getByText(jane.email).count()).toBe(0);
      await offered();
      await button(page, "Sign in with a passkey").click();
      await page.waitForURL(`${here.running.issuer}/account`);
      await page.getByText(jane.email).waitFor();
    });
  },
  backForwardCache,
);

/** Runs in the page: keeps the names of the signals that it sends, in their order, for all pages of the visit. */
function noteSignals(): void {
  const api = (globalThis as { PublicKeyCredential?: object }).PublicKeyCredential as
    | Record<string, (options: object) => Promise<void>>
    | undefined;
  for (const name of [
    "signalAllAcceptedCredentials",
    "signalCurrentUserDetails",
    "signalUnknownCredential",
  ] as const) {
    const send = api?.[name];
    if (!api || !send) continue;
    api[name] = (options) => {
      const sent = JSON.parse(sessionStorage.getItem("signals") ?? "[]");
      sessionStorage.setItem("signals", JSON.stringify([...sent, name]));
      return send.call(api, options);
    };
  }
}
