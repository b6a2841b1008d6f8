/** The way out of passwords in a real browser: one becomes a passkey at a sign-in, another is removed by its owner. */
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import type { Account } from "../../src/account/account.ts";
import { imported, OLD_PASSWORD } from "../support/imported.ts";
import { field, journey } from "./journey.ts";

journey("the way out of passwords", (here) => {
  const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
  const heading = (page: Page, name: string) => page.getByRole("heading", { name, exact: true });

  async function typePassword(page: Page, { username }: Account, password = OLD_PASSWORD) {
    await field(page, "Email or username").fill(username);
    if (await button(page, "Use your password").isVisible()) await button(page, "Use your password").click();
    await page.getByLabel("Password", { exact: true }).fill(password);
  }

  it("ends with a passkey where a password was, and the app is told of the passkey alone", async () => {
    const jane = await imported(here.running);
    const { page, open, refusals } = await here.come();
    await open(here.app.login());
    await typePassword(page, jane, "wrong");
    // Enter in the field means the password, not the passkey of the first button.
    await page.getByLabel("Password", { exact: true }).press("Enter");
    await page.getByText("That didn't work.").waitFor();
    expect(refusals()).toEqual([401]);
    await typePassword(page, jane);
    await button(page, "Continue").click();

    await heading(page, "Create a passkey").waitFor();
    await button(page, "Create a passkey").click();
    await heading(page, "Use your new passkey").waitFor();
    expect((await here.account(jane.id)).password?.state).toBe("open");
    await button(page, "Continue with your passkey").click();
    await heading(page, "Welcome").waitFor();
    expect(here.app.claims()).toMatchObject({ sub: jane.id, acr: "phr" });
    const after = await here.account(jane.id);
    expect(after.password?.state).toBe("closed");
    expect(after.passkeys).toMatchObject([{ state: "active", addedBy: "conversion" }]);

    await open(`${here.running.issuer}/account`);
    await heading(page, "Password").waitFor();
    await page.getByText("Nobody can sign in to this account with a password").waitFor();
    expect(await button(page, "Remove password").count()).toBe(0);
  });

  it("waits where its owner says so, and the app is told that it was a password", async () => {
    const kim = await imported(here.running);
    const { page, open } = await here.come();
    await open(here.app.login());
    await typePassword(page, kim);
    await button(page, "Continue").click();
    await heading(page, "Create a passkey").waitFor();
    await button(page, "Not now").click();
    await heading(page, "Welcome").waitFor();
    expect(here.app.claims()).toMatchObject({ sub: kim.id, acr: "urn:latchkey:acr:password" });
  });

  it("lets its owner remove the password, once something is there in its place", async () => {
    const lee = await imported(here.running);
    const invited = await here.running.installation.invitations.issue({ account: lee.id }, 60_000);
    const { page, open } = await here.come();
    await open(`${here.running.issuer}/invite/${invited.token}`);
    await heading(page, "Create a passkey").waitFor();
    await button(page, "Create a passkey").click();
    await heading(page, "Your account").waitFor();

    await button(page, "Remove password").click();
    await heading(page, "Before your password goes").waitFor();
    expect((await here.account(lee.id)).password?.state).toBe("open");
    await button(page, "Create recovery codes").click();
    await heading(page, "Your recovery codes").waitFor();
    await page.getByRole("link", { name: "I have saved them" }).click();

    await button(page, "Remove password").click();
    await heading(page, "Password removed").waitFor();
    expect((await here.account(lee.id)).password?.state).toBe("closed");
    await page.getByRole("link", { name: "To your account" }).click();
    await page.getByText("Nobody can sign in to this account with a password").waitFor();
  });
});
