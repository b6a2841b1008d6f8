/** The owner's page: look at passkeys, add, rename, remove; sign in and out without an app. */
import { beforeEach, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { SoftwareAuthenticator } from "../../src/testing.ts";
import { type Answer, type Browser, ceremonyOf } from "../support/browser.ts";
import { scene } from "../support/scene.ts";
import { stores } from "../support/stores.ts";

describe.each(stores)("the account page over $name", (kind) => {
  const here = scene(kind);
  let jane: Browser;
  let id: string;
  let count = 0;

  beforeEach(async () => {
    jane = here.running.browser();
    id = (await here.app.signUp(jane, { name: "Jane Doe", email: `jane${++count}@example.com` })).idToken.sub;
  });

  const passkeys = async () => (await here.running.installation.accounts.find(id))?.value.passkeys ?? [];
  const refused = (answer: Answer) => [answer.status, answer.json().code];

  /** Proves who is there, and gives the page on which the new passkey is made. */
  async function addingPage(browser = jane): Promise<Answer> {
    const confirm = await browser.submit("/account/passkeys/add");
    expect(ceremonyOf(confirm).kind).toBe("authentication");
    return browser.complete(confirm);
  }

  /** Adds a passkey on another device; a browser of its own, with the same session. */
  async function addPasskey(): Promise<SoftwareAuthenticator> {
    const page = await addingPage();
    const device = new SoftwareAuthenticator();
    const { action, options } = ceremonyOf(page);
    expect(options.excludeCredentials.map(({ id }: { id: string }) => id)).toEqual(
      (await passkeys()).map(({ id }) => id),
    );
    const answer = await jane.post(action, { response: device.create(options, here.running.issuer) });
    expect(answer.json()).toEqual({ location: "/account?notice=passkey_added" });
    return device;
  }

  it("shows who is signed in, with what", async () => {
    const page = await jane.open("/account");
    for (const text of ["Jane Doe", "<h2", "Passkeys", "Add a passkey", "Rename", "Sign out"])
      expect(page.text).toContain(text);
    expect(page.text).toContain((await passkeys())[0]?.name);
  });

  it("without a session leads to the sign-in page of this origin and back", async () => {
    const browser = here.running.browser(jane.authenticator);
    const page = await browser.open("/account");
    expect(new URL(page.url).pathname).toBe("/sign-in");
    const home = await browser.complete(page);
    expect(home.url).toBe(`${here.running.issuer}/account`);
    expect((await here.app.signIn(browser, { prompt: "none" })).idToken.sub).toBe(id);
  });

  it.each([
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "/%2f/evil.example",
    "\t//evil.example",
  ])("SEC-87 leads nowhere else after the sign-in: %s", async (to) => {
    const browser = here.running.browser(jane.authenticator);
    const answer = await browser.perform(await browser.open(`/sign-in?to=${encodeURIComponent(to)}`));
    expect(answer.json()).toEqual({ location: "/account" });
  });

  it("adds a passkey after a fresh proof, and the new one signs in", async () => {
    const device = await addPasskey();
    expect(await passkeys()).toHaveLength(2);
    expect((await here.app.signIn(here.running.browser(device))).idToken.sub).toBe(id);
    expect((await jane.open("/account?notice=passkey_added")).text).toMatch(/role="status"/);
  });

  it("the permission to add is for one passkey, one account and one browser", async () => {
    const page = await addingPage();
    const { action } = ceremonyOf(page);
    const john = here.running.browser();
    await here.app.signUp(john, { email: "john@example.com" });
    expect(await john.open(action)).toMatchObject({ status: 400 });
    const thief = here.running.browser();
    thief.cookies = jane.cookies.filter(
      ({ name }) => name.endsWith("latchkey") || name.endsWith("latchkey.sig"),
    );
    expect((await thief.open(action)).status).toBe(400);

    const first = {
      response: new SoftwareAuthenticator().create(ceremonyOf(page).options, here.running.issuer),
    };
    const second = await jane.open(action);
    expect((await jane.post(action, first)).status).toBe(200);
    const late = {
      response: new SoftwareAuthenticator().create(ceremonyOf(second).options, here.running.issuer),
    };
    expect(refused(await jane.post(action, late))).toEqual([400, "ceremony_expired"]);
    expect((await jane.open(action)).status).toBe(400);
    expect(await passkeys()).toHaveLength(2);
  });

  it("of parallel answers with one permission one adds a passkey", async () => {
    const page = await addingPage();
    const { action } = ceremonyOf(page);
    const pages = [await jane.open(action), await jane.open(action)];
    const answers = await Promise.all(
      pages.map((each) =>
        jane.post(action, {
          response: new SoftwareAuthenticator().create(ceremonyOf(each).options, here.running.issuer),
        }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
    expect(await passkeys()).toHaveLength(2);
  });

  it("renames a passkey, and shows the name as text", async () => {
    const [passkey] = await passkeys();
    const name = `<b>My "phone"</b>`;
    const page = await jane.submit(`/account/passkeys/${passkey?.id}/rename`, { name });
    expect(page.status).toBe(200);
    expect(page.text).toContain("&lt;b&gt;My &quot;phone&quot;&lt;/b&gt;");
    expect(page.text).not.toContain("<b>My");
    expect((await passkeys())[0]?.name).toBe(name);
    expect((await jane.submit("/account/passkeys/unknown/rename", { name })).status).toBe(404);
    expect((await jane.submit(`/account/passkeys/${passkey?.id}/rename`, { name: "a\u0000b" })).status).toBe(
      400,
    );
  });

  it("removes a passkey after a fresh proof; it signs in no more", async () => {
    const [first] = await passkeys();
    const device = await addPasskey();
    const page = await jane.submit(`/account/passkeys/${first?.id}/remove`);
    expect(page.text).toContain(first?.name);
    const { action, options } = ceremonyOf(page);
    const answer = await jane.post(action, { response: device.get(options, here.running.issuer) });
    expect(answer.json()).toEqual({ location: "/account?notice=passkey_removed" });
    expect(await passkeys()).toHaveLength(1);
    const gone = here.running.browser(jane.authenticator);
    const refusal = await gone.perform(await gone.open((await here.app.request()).url));
    expect([refusal.status, refusal.json()]).toEqual([
      401,
      expect.objectContaining({ code: "authentication_failed", signal: "unknown" }),
    ]);
    expect((await here.app.signIn(here.running.browser(device))).idToken.sub).toBe(id);
  });

  it("refuses to remove the last passkey", async () => {
    const [only] = await passkeys();
    const page = await jane.submit(`/account/passkeys/${only?.id}/remove`);
    expect(page.status).toBe(409);
    expect(page.text).toContain("last_way_in");
    expect(page.text).not.toContain("data-ceremony");
    expect(await passkeys()).toHaveLength(1);
  });

  it("SEC-41 of two parallel removals of the last two passkeys one succeeds", async () => {
    const device = await addPasskey();
    const pages = await Promise.all(
      (await passkeys()).map((passkey) => jane.submit(`/account/passkeys/${passkey.id}/remove`)),
    );
    const answers = await Promise.all(
      pages.map((page) =>
        jane.post(ceremonyOf(page).action, {
          response: device.get(ceremonyOf(page).options, here.running.issuer),
        }),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await passkeys()).toHaveLength(1);
  });

  it("SEC-6 a proof for one action does nothing else", async () => {
    const [first] = await passkeys();
    const device = await addPasskey();
    const [, second] = await passkeys();
    const page = await jane.submit(`/account/passkeys/${first?.id}/remove`);
    const proof = () => ({ response: device.get(ceremonyOf(page).options, here.running.issuer) });
    expect(refused(await jane.post(`/account/passkeys/${second?.id}/remove/confirm`, proof()))).toEqual([
      401,
      "authentication_failed",
    ]);
    expect(refused(await jane.post("/account/passkeys/add/confirm", proof()))).toEqual([
      401,
      "authentication_failed",
    ]);
    expect(refused(await jane.post("/sign-in", proof()))).toEqual([401, "authentication_failed"]);
    const signIn = await jane.open("/sign-in");
    const elsewhere = { response: device.get(ceremonyOf(signIn).options, here.running.issuer) };
    expect(refused(await jane.post(ceremonyOf(page).action, elsewhere))).toEqual([
      401,
      "authentication_failed",
    ]);
    expect(await passkeys()).toHaveLength(2);

    const again = await jane.submit(`/account/passkeys/${first?.id}/remove`);
    const fresh = { response: device.get(ceremonyOf(again).options, here.running.issuer) };
    expect((await jane.post(ceremonyOf(again).action, fresh)).status).toBe(200);
  });

  it("the prompt opens by itself for who pressed a button here, and for nobody whom a link from elsewhere brought", async () => {
    const arriving = async (site: string) =>
      (await jane.open("/account/passkeys/add", { headers: { "sec-fetch-site": site } })).text;
    expect(await arriving("same-origin")).toContain("data-autostart");
    for (const site of ["cross-site", "same-site", "none"]) {
      expect(await arriving(site)).not.toContain("data-autostart");
    }
  });

  it("another account's passkey proves nothing here, and its pages are not found", async () => {
    await addPasskey();
    const john = here.running.browser();
    await here.app.signUp(john, { email: `john${count}@example.com` });
    const [first] = await passkeys();
    const page = await jane.submit(`/account/passkeys/${first?.id}/remove`);
    const { action, options } = ceremonyOf(page);
    const foreign = john.authenticator.get({ ...options, allowCredentials: [] }, here.running.issuer);
    expect(refused(await jane.post(action, { response: foreign }))).toEqual([401, "authentication_failed"]);
    expect((await john.open(`/account/passkeys/${first?.id}/remove`)).status).toBe(404);
    expect((await john.submit(`/account/passkeys/${first?.id}/rename`, { name: "mine" })).status).toBe(404);
    expect(await passkeys()).toHaveLength(2);
  });

  it("SEC-72 another site's form does nothing, nor does a request without a session", async () => {
    const [first] = await passkeys();
    const forged = (path: string) =>
      jane.request(path, {
        method: "POST",
        body: new URLSearchParams({ name: "x" }),
        headers: { origin: "https://evil.example" },
      });
    for (const path of [
      "/account/sign-out",
      "/account/passkeys/add",
      `/account/passkeys/${first?.id}/rename`,
    ]) {
      expect((await forged(path)).status).toBe(403);
    }
    expect((await jane.request("/account")).status).toBe(200);
    const stranger = here.running.browser();
    expect((await stranger.submit(`/account/passkeys/${first?.id}/rename`, { name: "x" })).status).toBe(401);
    expect((await passkeys())[0]?.name).toBe(first?.name);
  });

  it("signs out; a page from before does nothing any more", async () => {
    const page = await jane.submit("/account/passkeys/add");
    expect((await jane.submit("/account/sign-out")).status).toBe(200);
    expect(refused(await jane.perform(page))).toEqual([401, "session_required"]);
    expect((await jane.request("/account")).status).toBe(303);
  });
});
