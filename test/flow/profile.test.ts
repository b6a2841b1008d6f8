/** The owner's page: the name, the address with its proof and its way back, the data, and leaving. */
import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import "../support/prototypes.ts";
import { SoftwareAuthenticator } from "../../src/testing.ts";
import { type Answer, type Browser, ceremonyOf } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { type MailServer, mailSettings, startMailServer } from "../support/smtp.ts";
import { stores } from "../support/stores.ts";

const DAY = 24 * 60 * 60_000;

describe.each(stores)("the owner's profile over $name", (kind) => {
  let server: MailServer;
  let running: Running;
  let app: RelyingParty;
  let jane: Browser;
  let id: string;
  let count = 0;
  let address: string;

  beforeAll(async () => {
    server = await startMailServer();
    const guesses = { perAccount: "5/15m", perAddress: "100000/1h" };
    const limits = { ceremonies: "100000/1m", signUps: "100000/1m", guesses };
    running = await startInstallation(kind, { mail: mailSettings(server), limits });
    app = await running.app();
  });
  afterAll(async () => {
    await running.stop();
    await server.shut();
  });
  beforeEach(async () => {
    address = `jane${++count}@example.com`;
    jane = running.browser();
    id = (await app.signUp(jane, { name: "Jane Doe", email: address })).idToken.sub;
  });
  afterEach(() => void vi.useRealTimers());

  const account = async () => (await running.installation.accounts.find(id))?.value;
  const byLogin = async (login: string) => (await running.installation.accounts.findByLogin(login))?.value.id;
  const later = (ms: number) => vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });

  /** Asks for an address with a fresh proof; gives the page that asks for the code. */
  async function ask(to: string, browser = jane): Promise<Answer> {
    return browser.complete(await browser.submit("/account/email", { email: to }));
  }
  /** Opens the link of the newest mail to an address and presses its button. */
  async function follow(to: string, browser = jane, nth = 1): Promise<Answer> {
    const link = linkIn((await server.newest(to, nth)).text);
    const page = await browser.open(link);
    const token = /name="token" value="([^"]+)"/.exec(page.text)?.[1] ?? "";
    return browser.submit("/account/email/verify", { token });
  }
  const linkIn = (text = "") => /https?:\/\/\S+/.exec(text)?.[0] ?? "";

  it("changes the name, and shows it as text", async () => {
    const page = await jane.submit("/account/name", { name: "<b>Jane</b>" });
    expect(page.text).toContain("&lt;b&gt;Jane&lt;/b&gt;");
    expect((await account())?.name).toBe("<b>Jane</b>");
    expect((await jane.submit("/account/name", { name: "a\u202eb" })).status).toBe(400);
    expect((await running.browser().submit("/account/name", { name: "x" })).status).toBe(401);
  });

  it("an address counts once it is proved by its link, and only in its owner's session", async () => {
    expect(await byLogin(address)).toBeUndefined();
    const waiting = await ask(address);
    expect(waiting.text).toContain(address);
    const link = linkIn((await server.newest(address)).text);
    // Looking proves nothing: mail programs look at links.
    await jane.open(link);
    expect((await account())?.emailVerified).toBe(false);
    const john = running.browser();
    await app.signUp(john, { email: `john${count}@example.com` });
    expect((await follow(address, john)).text).toContain("email_proof_invalid");
    const page = await follow(address);
    expect(page.text).toContain("Your email address is confirmed.");
    expect(await byLogin(address)).toBe(id);
    expect(
      (await app.userinfo((await app.signIn(jane, { scope: "openid email" })).response.access_token)).status,
    ).toBe(200);
    // A link works once.
    expect((await follow(address)).text).toContain("email_proof_invalid");
  });

  it("an address may be proved by its code, typed with blanks; five wrong ones are enough", async () => {
    const next = `next${count}@example.com`;
    await ask(next);
    const code = /^\d{8}$/m.exec((await server.newest(next)).text ?? "")?.[0] ?? "";
    const wrong = code === "00000000" ? "11111111" : "00000000";
    const refused = await jane.submit("/account/email/verify", { code: wrong });
    expect([refused.status, refused.text.includes('role="alert"')]).toEqual([400, true]);
    const spaced = ` ${code.slice(0, 4)} ${code.slice(4)}`;
    expect((await jane.submit("/account/email/verify", { code: spaced })).text).toContain("is confirmed");
    expect(await byLogin(next)).toBe(id);
    await ask(`more${count}@example.com`);
    for (let guess = 0; guess < 3; guess++) {
      expect((await jane.submit("/account/email/verify", { code: wrong })).status).toBe(400);
    }
    expect((await jane.submit("/account/email/verify", { code: wrong })).status).toBe(429);
  });

  it("a proof ends after half an hour", async () => {
    await ask(address);
    const link = linkIn((await server.newest(address)).text);
    const token = new URL(link).searchParams.get("token") ?? "";
    later(31 * 60_000);
    expect((await jane.submit("/account/email/verify", { token })).status).toBe(400);
    expect((await account())?.emailVerified).toBe(false);
  });

  it("SEC-135 a change needs a fresh proof; the old address is told and takes it back within a week, and everybody is out", async () => {
    await ask(address);
    await follow(address);
    const thief = `thief${count}@example.com`;
    const direct = await jane.post(`/account/email/confirm?email=${thief}`, { response: {} });
    expect([direct.status, direct.json().code]).toEqual([401, "authentication_failed"]);
    await ask(thief);
    await follow(thief);
    expect([await byLogin(thief), await byLogin(address)]).toEqual([id, undefined]);
    const told = await server.newest(address, 2);
    expect(told.subject).toContain("was changed");
    expect(told.text).toContain(thief);

    const link = new URL(linkIn(told.text));
    const stranger = running.browser();
    expect((await stranger.open(link.href)).text).toContain("It wasn&#39;t me");
    expect(await byLogin(address)).toBeUndefined();
    later(2000);
    const fields = Object.fromEntries(link.searchParams);
    const bad = await stranger.submit("/account/email/undo", { ...fields, token: "x" });
    expect(bad.status).toBe(400);
    const done = await stranger.submit("/account/email/undo", fields);
    expect(done.text).toContain("The change is taken back");
    expect([await byLogin(thief), await byLogin(address)]).toEqual([undefined, id]);
    expect((await jane.request("/account")).status).toBe(303);
    expect((await stranger.submit("/account/email/undo", fields)).status).toBe(400);
  });

  it("SEC-135 after a week the change stays, and the old address is free", async () => {
    await ask(address);
    await follow(address);
    await ask(`next${count}@example.com`);
    await follow(`next${count}@example.com`);
    const link = new URL(linkIn((await server.newest(address, 2)).text));
    const other = running.browser();
    await app.signUp(other, { email: `other${count}@example.com` });
    // Until then it is kept for who may want it back.
    await ask(address, other);
    expect((await follow(address, other, 3)).text).toContain("email_taken");
    later(7 * DAY + 1000);
    const fields = Object.fromEntries(link.searchParams);
    expect((await jane.submit("/account/email/undo", fields)).status).toBe(400);
    await running.tidy();
    expect((await account())?.formerEmails).toBeUndefined();
  });

  it("SEC-57 of two accounts that prove one address, in any spelling, one gets it", async () => {
    const john = running.browser();
    await app.signUp(john, { email: `john${count}@example.com` });
    const wanted = `Wanted${count}@example.com`;
    const full = `WANTED${count}@example.com`;
    await ask(wanted);
    await ask(full, john);
    const links = [await server.newest(wanted), await server.newest(full)].map(({ text }) => linkIn(text));
    const tokens = links.map((link) => new URL(link).searchParams.get("token") ?? "");
    const answers = await Promise.all([
      jane.submit("/account/email/verify", { token: tokens[0] ?? "" }),
      john.submit("/account/email/verify", { token: tokens[1] ?? "" }),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(await byLogin(`wanted${count}@example.com`)).toBeDefined();
  });

  it("is led to a second passkey while one device stands before the account; Not now is kept for the operator's interval", async () => {
    const bound = running.browser(new SoftwareAuthenticator({ backupEligible: false, backedUp: false }));
    await app.signUp(bound, { email: `bound${count}@example.com` });
    const coached = async (browser: Browser) =>
      (await browser.open("/account")).text.includes("coach/decline");
    expect([await coached(bound), await coached(jane)]).toEqual([true, false]);
    const forged = {
      method: "POST",
      body: new URLSearchParams(),
      headers: { origin: "https://evil.example" },
    };
    expect((await bound.request("/account/coach/decline", forged)).status).toBe(403);
    expect(await coached(bound)).toBe(true);
    await bound.submit("/account/coach/decline");
    expect(await coached(bound)).toBe(false);
    // Sessions end before the interval does.
    later(31 * DAY);
    await app.signIn(bound);
    expect(await coached(bound)).toBe(true);
  });

  /** Signs in as a browser does that borrowed the passkey of a phone, or of a key on a stick. */
  async function borrow(browser: Browser, of: object = {}): Promise<Answer> {
    const page = await browser.open("/sign-in");
    const response = { ...browser.respond(page), authenticatorAttachment: "cross-platform", ...of };
    return browser.open(String((await browser.post(ceremonyOf(page).action, { response })).json().location));
  }
  const offersOneHere = (page: Answer) => page.text.includes("Set up this device");

  it("is offered a passkey on this device after a sign-in with that of another one, until one is made here", async () => {
    const desk = running.browser(jane.authenticator);
    expect(offersOneHere(await borrow(desk))).toBe(true);
    expect(offersOneHere(await jane.open("/account"))).toBe(false);
    const other = running.browser();
    await app.signUp(other, { email: `other${count}@example.com` });
    other.cookies.push(...desk.cookies.filter(({ name }) => name.includes("elsewhere")));
    expect(offersOneHere(await other.open("/account"))).toBe(false);

    // On the way to an app, too.
    const asked = await desk.open((await app.request({ prompt: "login" })).url);
    const here = { ...desk.respond(asked), authenticatorAttachment: "platform" };
    expect((await desk.post(ceremonyOf(asked).action, { response: here })).status).toBe(200);
    expect(offersOneHere(await desk.open("/account"))).toBe(false);
    const again = await desk.open((await app.request({ prompt: "login" })).url);
    const away = { ...desk.respond(again), authenticatorAttachment: "cross-platform" };
    expect((await desk.post(ceremonyOf(again).action, { response: away })).status).toBe(200);
    expect(offersOneHere(await desk.open("/account"))).toBe(true);

    const confirm = await desk.submit("/account/passkeys/add", { on: "this_device" });
    const adding = await desk.complete(confirm);
    expect(ceremonyOf(adding).options.hints).toEqual(["client-device"]);
    const own = new SoftwareAuthenticator();
    const { action, options } = ceremonyOf(adding);
    await desk.post(action, { response: own.create(options, running.issuer) });
    expect(offersOneHere(await desk.open("/account"))).toBe(false);
    expect(desk.cookies.filter(({ name }) => name.includes("elsewhere"))).toEqual([]);
  });

  it("is offered none after a passkey of this device or a key on a stick; a forged cookie offers none", async () => {
    const desk = running.browser(jane.authenticator);
    expect(offersOneHere(await borrow(desk))).toBe(true);
    expect(offersOneHere(await borrow(desk, { authenticatorAttachment: "platform" }))).toBe(false);
    const stick = running.browser(new SoftwareAuthenticator({ transports: ["usb", "nfc"] }));
    await app.signUp(stick, { email: `stick${count}@example.com` });
    expect(offersOneHere(await borrow(stick))).toBe(false);
    for (const strange of [undefined, null, 7, "hybrid", { a: 1 }])
      expect(offersOneHere(await borrow(desk, { authenticatorAttachment: strange }))).toBe(false);
    const value = createHash("sha256").update(id).digest("base64url");
    desk.cookies.push({ name: "latchkey_elsewhere", value, path: "/" });
    expect(offersOneHere(await desk.open("/account"))).toBe(false);
  });

  it("is not offered one again for the operator's interval after Not now, however often it is borrowed", async () => {
    const desk = running.browser(jane.authenticator);
    expect(offersOneHere(await borrow(desk))).toBe(true);
    await desk.submit("/account/coach/decline");
    expect(offersOneHere(await borrow(desk))).toBe(false);
    later(31 * DAY);
    expect(offersOneHere(await borrow(desk))).toBe(true);
  });

  it("gives its owner everything about him in a file, after a fresh proof, in this browser only", async () => {
    expect((await jane.open("/account/export/file")).status).toBe(400);
    const ready = await jane.complete(await jane.submit("/account/export"));
    const url = /href="(\/account\/export\/file[^"]+)"/.exec(ready.text)?.[1] ?? "";
    const file = await jane.open(url);
    expect(file.headers.get("content-disposition")).toBe('attachment; filename="account.json"');
    expect(file.json()).toMatchObject({
      account: { sub: id, name: "Jane Doe", email: address },
      passkeys: [{ added_by: "sign_up", state: "active" }],
      sessions: [expect.anything()],
      activity: [{ type: "account.created" }],
    });
    expect(file.text).not.toMatch(/publicKey|fingerprint/);
    const thief = running.browser();
    thief.cookies = jane.cookies.filter(
      ({ name }) => name.startsWith("latchkey") && !name.includes("browser"),
    );
    expect((await thief.open(url)).status).toBe(400);
  });

  it("SEC-58 is deleted after the operator's grace, by then signs in no more, and its name begins a new account", async () => {
    const tokens = await app.signIn(jane);
    const leaving = await jane.complete(await jane.submit("/account/delete"));
    expect(leaving.text).toContain("This account will be deleted on");
    expect(await running.tidy()).toBeDefined();
    expect((await account())?.deletion).toBeDefined();
    expect((await jane.submit("/account/delete/cancel")).text).toContain("Your account stays.");
    later(8 * DAY);
    await running.tidy();
    expect((await account())?.id).toBe(id);

    vi.useRealTimers();
    await jane.complete(await jane.submit("/account/delete"));
    const page = await jane.submit("/account/passkeys/add");
    const { username } = (await account())!;
    later(8 * DAY);
    // Of all instances whoever comes first does it.
    await Promise.all([running.tidy(), running.tidy()]);
    vi.useRealTimers();
    expect(await account()).toBeUndefined();
    expect(running.events("account.deleted").filter(({ account }) => account === id)).toHaveLength(1);
    expect((await jane.request("/account")).status).toBe(303);
    expect((await app.userinfo(tokens.response.access_token)).status).toBe(401);
    expect((await jane.perform(page)).status).toBe(401);
    const gone = running.browser(jane.authenticator);
    const refused = await gone.perform(await gone.open((await app.request()).url));
    expect([refused.status, refused.json().signal]).toEqual([401, "unknown"]);
    const again = await app.signUp(running.browser(), { username, email: address });
    expect(again.idToken.sub).not.toBe(id);
  });

  it("deletes nothing without a fresh proof, nor by another site's link or form", async () => {
    const page = await jane.open("/account/delete", { headers: { "sec-fetch-site": "cross-site" } });
    expect(page.text).not.toContain("data-autostart");
    const forged = {
      method: "POST",
      body: new URLSearchParams(),
      headers: { origin: "https://evil.example" },
    };
    expect((await jane.request("/account/delete", forged)).status).toBe(403);
    const proof = await jane.submit("/account/export");
    const { options } = ceremonyOf(proof);
    const response = jane.authenticator.get(options, running.issuer);
    expect((await jane.post("/account/delete/confirm", { response })).status).toBe(401);
    expect((await account())?.deletion).toBeUndefined();
  });
});
