/** Cookies that somebody planted in a browser, and tabs that do not know of each other. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { type Browser, ceremonyOf } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { type StoreKind, stores } from "../support/stores.ts";

const MINUTE = 60_000;

describe("what was planted before a sign-in", () => {
  let running: Running;
  let app: RelyingParty;
  let jane: Browser;
  let count = 0;

  beforeAll(async () => {
    running = await startInstallation(stores[0] as StoreKind);
    app = await running.app();
  });
  afterAll(() => running.stop());
  beforeEach(async () => {
    jane = running.browser();
    await app.signUp(jane, { email: `jane${++count}@example.com` });
  });

  const cookieOf = (browser: Browser, name: string) =>
    browser.cookies.find((cookie) => cookie.name === name)?.value;
  const isSignedIn = async (browser: Browser) => (await browser.request("/account")).status === 200;
  /** The same cookies in another browser. */
  function copyOf(browser: Browser, authenticator = browser.authenticator): Browser {
    const copy = running.browser(authenticator);
    copy.cookies = [...browser.cookies];
    return copy;
  }

  it.each(["/device", "/session/end"])(
    "SEC-73 an anonymous session from %s is nobody's after a sign-in or a sign-up on our own pages",
    async (source) => {
      for (const page of ["/sign-in", "/sign-up"]) {
        const thief = running.browser();
        await thief.request(source);
        const planted = cookieOf(thief, "latchkey");
        expect(planted, "there is such a session").toBeDefined();
        const victim = copyOf(thief, page === "/sign-in" ? jane.authenticator : undefined);
        const typed = page === "/sign-up" ? { email: `new${++count}@example.com` } : {};
        await victim.complete(await victim.open(page), typed);
        expect(await isSignedIn(victim)).toBe(true);
        expect(cookieOf(victim, "latchkey")).not.toBe(planted);
        expect(await isSignedIn(thief)).toBe(false);
      }
    },
  );

  it("SEC-72 SEC-73 the secret of a planted session's form confirms nothing from another origin; from ours it does", async () => {
    const tv = await running.app({
      kind: "native",
      redirectUris: ["http://127.0.0.1/cb"],
      grants: ["authorization_code", "device_code"],
    });
    const device = (await (await tv.post("/device/auth", { scope: "openid" })).json()) as {
      user_code: string;
    };
    const thief = running.browser();
    const page = await thief.open("/device");
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.text)?.[1] ?? "";
    const victim = copyOf(thief, jane.authenticator);
    await app.signIn(victim);
    const post = (origin: string, path: string, fields: Record<string, string>) =>
      victim.request(path, {
        method: "POST",
        body: new URLSearchParams({ xsrf, ...fields }),
        headers: { origin },
      });
    const sibling = running.issuer.replace("localhost", "shop.localhost");
    const fields = { user_code: device.user_code };
    for (const path of ["/device", "/device/", "/DEVICE"])
      expect((await post(sibling, path, fields)).status, path).toBe(403);
    expect((await post(sibling, "/session/end/confirm", { logout: "yes" })).status).toBe(403);
    expect(await isSignedIn(victim)).toBe(true);
    expect((await post(running.issuer, "/device", fields)).text).toContain(device.user_code);
  });

  it("SEC-80 another site's form to the sign-out address, which brings no cookie, takes no session's cookie away", async () => {
    const crossSite = running.browser();
    const answer = await crossSite.request("/session/end", {
      method: "POST",
      body: new URLSearchParams({ state: "x y" }),
      headers: { origin: "https://evil.example", "sec-fetch-site": "cross-site" },
    });
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/session/end?state=x+y"]);
    expect(crossSite.setCookies).toEqual([]);
    const asked = await jane.open("/session/end", { method: "POST", body: new URLSearchParams() });
    expect(asked.text).toContain("op.logoutForm");
    expect(await isSignedIn(jane)).toBe(true);
  });

  it("SEC-9 a session in which nobody is signed in lasts as long as a page, not as long as a sign-in", async () => {
    const lasts = (browser: Browser) => {
      const line = browser.setCookies.findLast((cookie) => cookie.startsWith("latchkey="));
      return Date.parse(/expires=([^;]+)/i.exec(line ?? "")?.[1] ?? "") - Date.now();
    };
    const stranger = running.browser();
    await stranger.request("/device");
    expect(lasts(stranger)).toBeGreaterThan(10 * MINUTE);
    expect(lasts(stranger)).toBeLessThan(31 * MINUTE);
    expect(lasts(jane)).toBeGreaterThan(13 * 24 * 60 * MINUTE);
  });

  it("SEC-71 a resume cookie of somebody else's request does not lead there, with the sign-in or after it", async () => {
    const thief = running.browser();
    const third = await running.app({ firstParty: false });
    await app.signUp(thief, { email: `thief${++count}@example.com` });
    const consent = await thief.open((await third.request()).url);
    const action = /data-decision="([^"]+)"/.exec(consent.text)?.[1] ?? "";
    await thief.post(action, { decision: "allow" });
    const stolen = thief.cookies.filter(({ name }) => name.startsWith("latchkey_resume"));
    expect(stolen.length).toBeGreaterThan(1);

    const victim = running.browser(jane.authenticator);
    victim.cookies = stolen.map((cookie) => ({ ...cookie, path: "/interaction" }));
    const request = await app.request();
    const { idToken } = await app.tokens(request, await victim.complete(await victim.open(request.url)));
    expect(idToken.aud).toBe(app.client.client_id);
  });

  it("SEC-74 another account that signed in in a second tab is signed out by the first tab's sign-in", async () => {
    const browser = running.browser();
    const request = await app.request();
    const tab = await browser.open(request.url);
    await app.signUp(browser, { email: `john${++count}@example.com` });
    const john = copyOf(browser);
    expect(await isSignedIn(john)).toBe(true);

    Object.assign(browser, { authenticator: jane.authenticator });
    const { idToken } = await app.tokens(request, await browser.complete(tab));
    expect(idToken.sub).toBe((await app.signIn(jane)).idToken.sub);
    expect((await browser.request("/account")).text).toContain("jane");
    expect(await isSignedIn(john)).toBe(false);
  });

  it("a sign-up in an interaction in which somebody has signed in already makes no account", async () => {
    const third = await running.app({ firstParty: false });
    const browser = running.browser(jane.authenticator);
    const signIn = await browser.open((await third.request()).url);
    const { action } = ceremonyOf(signIn);
    const register = await browser.open(action.replace("/passkey", "/register"));
    const answer = await browser.complete(signIn);
    expect(answer.text).toContain("Allow access?");
    const stranger = copyOf(browser, running.browser().authenticator);
    const email = `late${++count}@example.com`;
    const refused = await stranger.perform(register, { email });
    expect([refused.status, refused.json().code]).toEqual([400, "interaction_expired"]);
    const found = await running.installation.accounts.findByLogin(`late${count}`);
    expect(found).toBeUndefined();
  });
});

describe("SEC-72 SEC-89 forms and consents", () => {
  let running: Running;
  let jane: Browser;
  const RELATED = "http://shop.localhost:3000";

  beforeAll(async () => {
    running = await startInstallation(stores[0] as StoreKind, { origins: ["https://shop.example.com"] });
    jane = running.browser();
    await (await running.app()).signUp(jane, { name: "Jane Doe", email: "jane@example.com" });
  });
  afterAll(() => running.stop());

  it("an origin that may run ceremonies sends no forms in a person's name; our own does", async () => {
    const signOut = (origin: string) =>
      jane.request("/account/sign-out", { method: "POST", body: new URLSearchParams(), headers: { origin } });
    for (const origin of ["https://shop.example.com", RELATED]) {
      expect((await signOut(origin)).status, origin).toBe(403);
      expect((await jane.request("/account")).status).toBe(200);
    }
    const copy = running.browser(jane.authenticator);
    await copy.complete(await copy.open("/sign-in"));
    await copy.submit("/account/sign-out");
    expect((await copy.request("/account")).status).toBe(303);
  });

  it("the consent page names what the app asks for by single claims, and nothing else", async () => {
    const third = await running.app({ firstParty: false });
    const ask = async (claims: object) => {
      const request = await third.request({ claims: JSON.stringify(claims) });
      return jane.open(request.url);
    };
    const plain = await ask({ id_token: { acr: null, "Nothing at all. This app was checked": null } });
    expect(plain.text).not.toContain("Nothing at all");
    expect(plain.text).toContain("Know that it is you");
    expect(plain.text).not.toContain("See your email address");
    const wide = await ask({
      userinfo: { email: { essential: true } },
      id_token: { groups: null, name: null },
    });
    expect(wide.text).toContain("See your email address");
    expect(wide.text).toContain("See which groups you belong to");
    expect(wide.text).toContain("See your name and username");
  });
});
