/** What goes wrong at a sign-in, in a real browser: the page says so, and the next try works. */
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { fingerprint } from "../../src/store/record.ts";
import { alert, backForwardCache, heading, journey } from "./journey.ts";
import { eventually } from "./site.ts";
import { type Person, person, type Visit, type VisitOptions } from "./visit.ts";

const FAILED = "That didn't work. Try again, or choose another way to sign in.";
/** After so many refusals in a row a page offers nothing by itself any more. */
const MOST_REFUSALS = 5;

journey(
  "when a sign-in fails",
  (here) => {
    let jane: Person;

    /** Jane in front of the sign-in page of the app, with an authenticator that answers nobody yet. */
    async function atSignIn(options: VisitOptions = {}): Promise<Visit> {
      jane = await person(here.running);
      const waiting = { automaticPresenceSimulation: false };
      const made = await here.come({ as: jane, authenticator: waiting, ...options });
      await made.open(here.app.login());
      await heading(made.page, "Sign in").waitFor();
      return made;
    }
    const button = (page: Page) => page.getByRole("button", { name: "Sign in with a passkey" });
    const field = (page: Page) => page.getByRole("textbox", { name: "Email or username" });
    const welcome = (page: Page) => heading(page, "Welcome").waitFor();
    const uidOf = (page: Page) => new URL(page.url()).pathname.split("/")[2] ?? "";
    const refusedAll = (visited: Visit, statuses: number[] = []) =>
      eventually(() => statuses.push(...visited.refusals()) && statuses.length).toBe(MOST_REFUSALS);

    it("stays calm when somebody cancels, and works at the next try", async () => {
      const { page, authenticator, offered } = await atSignIn();
      await authenticator.setUserVerified(false);
      await offered();
      await button(page).click();
      await eventually(() => alert(page).textContent()).toBe(
        "No passkey was used. Try again, or choose another way.",
      );
      await eventually(() => button(page).isEnabled()).toBe(true);
      await authenticator.setUserVerified(true);
      await button(page).click();
      await welcome(page);
    });

    it("says that an answer was refused, keeps what was typed, renews itself and works", async () => {
      const visited = await atSignIn();
      const { page, authenticator, offered } = visited;
      const before = await page.locator("[data-ceremony]").getAttribute("data-options");
      await field(page).fill("jane");
      await authenticator.setOverrideBits({ isBogusSignature: true });
      await offered();
      await button(page).click();
      const statuses: number[] = [];
      await refusedAll(visited, statuses);
      expect(new Set(statuses)).toEqual(new Set([401]));
      await eventually(() => button(page).isEnabled()).toBe(true);
      expect(await alert(page).textContent()).toBe(FAILED);
      expect(await field(page).inputValue()).toBe("jane");
      expect(await page.locator("[data-ceremony]").getAttribute("data-options")).not.toBe(before);
      expect(await authenticator.credentials()).toHaveLength(1);
      await authenticator.setOverrideBits({ isBogusSignature: false });
      await button(page).click();
      await welcome(page);
      expect(here.app.claims().sub).toBe(jane.id);
    });

    it("says that a new passkey was refused, keeps what was typed, and works", async () => {
      const { page, authenticator, refusals } = await atSignIn();
      await page.getByRole("link", { name: "Create an account" }).click();
      await heading(page, "Create your account").waitFor();
      await page.getByRole("textbox", { name: "Name" }).fill("Kim");
      await page.getByRole("textbox", { name: "Email" }).fill(`kim-${jane.email}`);
      await authenticator.setPresence(true);
      await authenticator.setOverrideBits({ isBadUV: true });
      const create = page.getByRole("button", { name: "Create a passkey" });
      await create.click();
      await eventually(() => alert(page).textContent()).toBe(
        "This passkey could not be added. Try again, or use another device.",
      );
      await eventually(() => create.isEnabled()).toBe(true);
      expect(refusals()).toEqual([400]);
      expect(await page.getByRole("textbox", { name: "Name" }).inputValue()).toBe("Kim");
      await authenticator.setOverrideBits({});
      await create.click();
      await welcome(page);
      expect(here.app.claims()).toMatchObject({ name: "Kim", email: `kim-${jane.email}` });
    });

    it("names the app and offers to start again when the page is over, and that works", async () => {
      const { page, offered, refusals } = await atSignIn();
      await here.running.store.store.remove(`interaction:${fingerprint(uidOf(page))}`);
      await offered();
      await button(page).click();
      await heading(page, "This sign-in page is no longer valid.").waitFor();
      expect(await page.getByRole("main").textContent()).toContain("go back to Wiki");
      expect(refusals().every((status) => status >= 400 && status < 500)).toBe(true);
      await page.getByRole("link", { name: "Start again" }).click();
      await page.waitForURL(`${here.app.origin}/`);
      await page.getByRole("link", { name: "Sign in" }).click();
      await welcome(page);
    });

    it("does not sign in twice from one page: back from the app, it says that it is over", async () => {
      const { page, offered, refusals } = await atSignIn();
      await offered();
      await button(page).click();
      await welcome(page);
      await page.goBack();
      await heading(page, "This sign-in page is no longer valid.").waitFor();
      expect(refusals().every((status) => status === 400)).toBe(true);
      await page.getByRole("link", { name: "Start again" }).click();
      await page.getByRole("link", { name: "Sign in" }).click();
      await welcome(page);
    });

    it("SEC-23 has the device forget a passkey that nobody holds any more", async () => {
      const visited = await atSignIn();
      const { page, authenticator, offered, refusals } = visited;
      const { accounts } = here.running.installation;
      const [lost] = (await accounts.find(jane.id))!.value.passkeys;
      await accounts.addPasskey(jane.id, { ...lost!, id: "YW5vdGhlcg", name: "Another" });
      await accounts.removePasskey(jane.id, lost!.id);
      const deleted = new Promise((resolve) => authenticator.cdp.once("WebAuthn.credentialDeleted", resolve));
      await offered();
      await button(page).click();
      expect(await deleted).toMatchObject({ credentialId: jane.passkey.credentialId });
      await eventually(() => alert(page).textContent()).toBe(FAILED);
      expect(refusals()).toEqual([401]);
    });

    it("SEC-141 has the device keep a passkey of an account that may not sign in now", async () => {
      const visited = await atSignIn();
      const { page, authenticator, offered } = visited;
      await here.running.installation.accounts.disable(jane.id);
      await offered();
      await button(page).click();
      await refusedAll(visited);
      await eventually(() => alert(page).textContent()).toBe(FAILED);
      expect(await authenticator.credentials()).toHaveLength(1);
      await here.running.installation.accounts.enable(jane.id);
      await eventually(() => button(page).isEnabled()).toBe(true);
      await button(page).click();
      await welcome(page);
    });

    it("SEC-72 takes no form from another site, whether it names its origin or hides it", async () => {
      const { page, open, offered, refusals } = await atSignIn();
      await offered();
      await button(page).click();
      await welcome(page);
      for (const policy of ["origin", "no-referrer"]) {
        await open(`${here.app.origin}/goodbye`);
        await heading(page, "Goodbye").waitFor();
        await page.evaluate(forge, { action: `${here.running.issuer}/account/sign-out`, policy });
        await heading(page, "This request came from another site and was refused.").waitFor();
        expect(refusals()).toEqual([403]);
      }
      await open(`${here.running.issuer}/account`);
      await page.getByRole("button", { name: "Sign out" }).click();
      await heading(page, "You are signed out").waitFor();
    });

    it("says without a script what is missing, and offers nothing that cannot work", async () => {
      const { page } = await atSignIn({ javaScriptEnabled: false });
      expect(await page.locator("noscript p").textContent()).toContain("Passkeys need JavaScript.");
      expect(await page.getByRole("button").count()).toBe(0);
      await page.getByRole("link", { name: "Can't use your passkey?" }).click();
      await heading(page, "Can't use your passkey?").waitFor();
      await page.getByRole("link", { name: "Back to sign in" }).click();
      await heading(page, "Sign in").waitFor();
    });

    it("would not have gone unnoticed: a page that breaks the policy or fails in its script", async () => {
      const made = await here.come();
      await made.page.route("**/*", (route) =>
        route.fulfill({
          contentType: "text/html",
          headers: { "content-security-policy": "default-src 'self'" },
          body: "<!doctype html><script>1</script>",
        }),
      );
      await made.open("http://localhost:1/");
      await made.page.evaluate(() => {
        setTimeout(() => {
          throw new Error("on purpose");
        });
      });
      await eventually(() => made.complaints).toHaveLength(2);
      expect(made.complaints).toContainEqual(expect.stringContaining("Content Security Policy"));
      expect(made.complaints).toContain("Error: on purpose");
      await expect(made.end()).rejects.toThrow("complaints");
    });
  },
  backForwardCache,
);

/** Runs in a page of another site. */
function forge({ action, policy }: { action: string; policy: string }): void {
  document.head.innerHTML = `<meta name="referrer" content="${policy}">`;
  const form = document.createElement("form");
  Object.assign(form, { method: "post", action });
  document.body.append(form);
  form.submit();
}
