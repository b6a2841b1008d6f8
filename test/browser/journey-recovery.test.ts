/** The way back in, the way in by invitation, and what the owner can say about either, in a real browser. */
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { button, field, heading, journey } from "./journey.ts";
import { eventually } from "./site.ts";
import { type Person, person } from "./visit.ts";

const HOUR = 60 * 60 * 1000;

journey("a recovery", (here) => {
  /** Somebody's recovery codes, made and read on the account's page. */
  async function saveCodes(jane: Person): Promise<string[]> {
    const { page, open } = await here.come({ as: jane });
    await open(`${here.running.issuer}/account`);
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
    const jane = await person(here.running);
    const [code = ""] = await saveCodes(jane);
    const { page, open, authenticator, refusals } = await here.come();
    await open(here.app.login());
    await page.getByRole("link", { name: "Can't use your passkey?" }).click();
    await heading(page, "Can't use your passkey?").waitFor();
    await field(page, "Email or username").fill((await here.account(jane.id)).username);
    await field(page, "Recovery code or pass").fill(` ${code.toLowerCase().replaceAll("-", " ")} `);
    await button(page, "Continue").click();
    await heading(page, "Create a passkey").waitFor();
    await page.getByRole("group", { name: "Which passkeys are lost?" }).getByRole("checkbox").check();
    await makeAndProve(page);
    await heading(page, "Welcome").waitFor();
    expect(here.app.claims()).toMatchObject({ sub: jane.id, acr: "phr" });
    expect((await here.account(jane.id)).passkeys.map(({ state }) => state)).toEqual(["suspended", "active"]);

    const old = await here.come({ as: jane });
    await old.open(here.app.login());
    await heading(old.page, "Was this you?").waitFor();
    await button(old.page, "It wasn't me: undo it").click();
    await heading(old.page, "Welcome").waitFor();
    expect((await here.account(jane.id)).passkeys.map(({ state }) => state)).toEqual(["active"]);

    // What the recovery had added opens nothing any more, and its device is told to forget it.
    await open(`${here.running.issuer}/account`);
    await heading(page, "Sign in").waitFor();
    await eventually(() => authenticator.credentials()).toEqual([]);
    expect(refusals()).toEqual([401]);
  });

  it("begins with a pass from a link, which is in no address any more when it is used", async () => {
    const jane = await person(here.running);
    const { pass } = await here.running.installation.accounts.issuePass(jane.id, { ttl: HOUR, by: "cli" });
    const { page, open } = await here.come();
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    const { username } = await here.account(jane.id);
    await open(`${here.running.issuer}/pass#${username}/${pass}`);
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
    const email = "kim@example.com";
    const { token } = await here.running.installation.invitations.issue(
      { name: "Kim Invited", email, emailVerified: true },
      HOUR,
    );
    const { page, open, authenticator, refusals } = await here.come();
    await open(`${here.running.issuer}/invite/${token}`);
    expect(await field(page, "Name").inputValue()).toBe("Kim Invited");
    expect(await field(page, "Email").inputValue()).toBe(email);
    await button(page, "Create a passkey").click();
    await page.waitForURL(`${here.running.issuer}/account`);
    await page.getByText(email).first().waitFor();
    expect(await authenticator.credentials()).toHaveLength(1);
    const made = (await here.running.installation.accounts.findByLogin(email))?.value;
    expect(made).toMatchObject({ emailVerified: true, passkeys: [{ addedBy: "invitation" }] });
    await open(`${here.running.issuer}/invite/${token}`);
    await heading(page, "This invitation was used already, has expired, or never existed.").waitFor();
    expect(refusals()).toEqual([404]);
  });
});
