/** Sessions: who holds one, when it ends, and that what ended does not come back. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import "../support/prototypes.ts";
import { type Browser, ceremonyOf } from "../support/browser.ts";
import { scene } from "../support/scene.ts";
import { stores } from "../support/stores.ts";

const DAY = 24 * 60 * 60 * 1000;
const MINE = /^(__Host-)?latchkey(\.sig)?$/;

describe.each(stores)("sessions over $name", (kind) => {
  const here = scene(kind);
  let jane: Browser;
  let sub: string;
  let count = 0;

  beforeEach(async () => {
    jane = here.running.browser();
    sub = (await here.app.signUp(jane, { email: `jane${++count}@example.com` })).idToken.sub;
  });
  afterEach(() => void vi.useRealTimers());

  /** A browser with the session cookie of another one, as a thief has it. */
  function withSessionOf(browser: Browser): Browser {
    const other = here.running.browser(browser.authenticator);
    other.cookies = browser.cookies.filter(({ name }) => MINE.test(name));
    return other;
  }
  const isSignedIn = async (browser: Browser) => (await browser.request("/account")).status === 200;

  it("SEC-73 a session id that was planted before the sign-in is worth nothing after it", async () => {
    const planted = withSessionOf(jane);
    expect(await isSignedIn(planted)).toBe(true);
    const victim = withSessionOf(jane);
    const request = await here.app.request({ prompt: "login" });
    await here.app.tokens(request, await victim.complete(await victim.open(request.url)));
    expect(await isSignedIn(victim)).toBe(true);
    expect(await isSignedIn(planted)).toBe(false);
  });

  it("SEC-73 the same on our own sign-in page, also when another account signs in there", async () => {
    const planted = withSessionOf(jane);
    await jane.complete(await jane.open("/sign-in"));
    expect(await isSignedIn(planted)).toBe(false);
    const john = here.running.browser();
    await here.app.signUp(john, { email: `john${count}@example.com` });
    const shared = withSessionOf(jane);
    const signIn = await jane.open("/sign-in");
    Object.assign(jane, { authenticator: john.authenticator });
    await jane.complete(signIn);
    expect((await jane.request("/account")).text).toContain(`john${count}@example.com`);
    expect(await isSignedIn(shared)).toBe(false);
  });

  it("SEC-73 a made-up session id becomes nobody's session", async () => {
    const browser = here.running.browser(jane.authenticator);
    browser.cookies.push({ name: "latchkey", value: "A".repeat(43), path: "/" });
    await here.app.signIn(browser);
    expect(browser.cookies.find(({ name }) => name === "latchkey")?.value).not.toBe("A".repeat(43));
    const forged = here.running.browser();
    forged.cookies.push({
      name: "latchkey",
      value: jane.cookies.find(({ name }) => name === "latchkey")?.value ?? "",
      path: "/",
    });
    expect(await isSignedIn(forged), "a session cookie without its signature").toBe(false);
  });

  it("SEC-59 a disabled account is out at once: page, here.app, userinfo, introspection, refresh, new sign-in", async () => {
    const { response } = await here.app.signIn(jane, { scope: "openid offline_access" });
    const introspect = async () =>
      (
        (await (await here.app.post("/token/introspection", { token: response.access_token })).json()) as {
          active: boolean;
        }
      ).active;
    expect([await introspect(), (await here.app.userinfo(response.access_token)).status]).toEqual([
      true,
      200,
    ]);
    await here.running.installation.accounts.disable(sub);

    expect(await isSignedIn(jane)).toBe(false);
    expect((await here.app.userinfo(response.access_token)).status).toBe(401);
    expect(await introspect()).toBe(false);
    expect((await here.app.refresh(response.refresh_token as string)).status).toBe(400);
    const silent = await here.app.request({ prompt: "none" });
    expect(here.app.error(silent, await jane.open(silent.url))).toBe("login_required");
    const again = here.running.browser(jane.authenticator);
    const refused = await again.perform(await again.open((await here.app.request()).url));
    expect([refused.status, refused.json().code]).toEqual([401, "authentication_failed"]);

    await here.running.installation.accounts.enable(sub);
    expect(await isSignedIn(jane)).toBe(false);
    // What begins in the very second in which all was ended is over with it.
    const back = async () => (await here.app.signIn(here.running.browser(jane.authenticator))).idToken.sub;
    await vi.waitFor(async () => expect(await back()).toBe(sub), { timeout: 20_000, interval: 200 });
  });

  it("SEC-59 a code that was on its way when the account was disabled gives no tokens", async () => {
    const [request, answer] = await here.app.authorize(jane);
    await here.running.installation.accounts.disable(sub);
    const response = await here.app.redeem(request, here.app.callback(request, answer));
    expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([
      400,
      "invalid_grant",
    ]);
  });

  it("SEC-79 ends fourteen days after its last use and thirty days after the sign-in, and a clock that goes back revives nothing", async () => {
    const start = Date.now();
    const at = (days: number) => vi.useFakeTimers({ toFake: ["Date"], now: start + days * DAY });
    const silent = async () => {
      const request = await here.app.request({ prompt: "none" });
      return here.app.callback(request, await jane.open(request.url)).has("code");
    };
    at(13);
    expect(await silent()).toBe(true);
    at(26);
    expect(await silent()).toBe(true);
    const before = withSessionOf(jane);
    at(31);
    await expect(silent()).rejects.toThrow();
    expect((await jane.request("/account")).status).toBe(303);
    // What the embedded store does every minute; a Redis has a clock of its own, by which nothing is over.
    await here.running.store.store.sweep();
    // A day on which it would still be good, had nobody seen that it was over.
    at(29);
    expect((await before.request("/account")).status).toBe(303);
    await expect(silent()).rejects.toThrow();
    expect((await jane.request("/account")).status).toBe(303);
  });

  it("a request that was under way during a sign-out brings neither session nor grant back", async () => {
    for (let round = 0; round < 5; round++) {
      const browser = here.running.browser(jane.authenticator);
      const { response } = await here.app.signIn(browser);
      const twin = withSessionOf(browser);
      const requests = await Promise.all(Array.from({ length: 8 }, () => here.app.request()));
      const [signOut, ...answers] = await Promise.all([
        browser.submit("/account/sign-out"),
        ...requests.map(({ url }) => twin.request(url)),
      ]);
      expect(signOut.status).toBe(200);
      expect(answers.every(({ status }) => status === 303)).toBe(true);
      expect(await isSignedIn(browser)).toBe(false);
      expect(await isSignedIn(twin)).toBe(false);
      expect((await here.app.userinfo(response.access_token)).status).toBe(401);
    }
  });

  it("SEC-77 an interaction does not go on when somebody else is signed in by then, and a new one does", async () => {
    const john = here.running.browser();
    await here.app.signUp(john, { email: `john${count}@example.com` });
    const shared = withSessionOf(jane);
    const page = await shared.open((await here.app.request({ prompt: "login" })).url);
    const answer = shared.respond(page);
    await shared.submit("/account/sign-out");
    Object.assign(shared, { authenticator: john.authenticator });
    await shared.complete(await shared.open("/sign-in"));
    const late = await shared.post(ceremonyOf(page).action, { response: answer });
    expect([late.status, late.json().code]).toEqual([400, "interaction_expired"]);
    expect((await shared.request("/account")).text).toContain(`john${count}@example.com`);
    expect((await here.app.signIn(shared, { prompt: "login" })).idToken.acr).toBe("phr");
  });

  it("SEC-75 the address at which a request goes on gives one code, and none when it is called again", async () => {
    const third = await here.running.app({ firstParty: false });
    const browser = here.running.browser(jane.authenticator);
    const request = await third.request();
    const consent = await browser.complete(await browser.open(request.url));
    const action = /data-decision="([^"]+)"/.exec(consent.text)?.[1] ?? "";
    const { location } = (await browser.post(action, { decision: "allow" })).json();
    const resume = new URL(String(location), here.running.issuer).pathname.startsWith("/auth/")
      ? String(location)
      : action.replace("/interaction/", "/auth/").replace("/consent", "");
    const ends = await Promise.all(Array.from({ length: 10 }, () => browser.request(resume)));
    const codes = [String(location), ...ends.map(({ headers }) => headers.get("location") ?? "")];
    expect(codes.filter((url) => url.includes("code="))).toHaveLength(1);
    expect((await browser.open(resume)).url).not.toContain("code=");
    expect((await browser.post(action, { decision: "allow" })).json().code).toBe("interaction_expired");
  });

  it("SEC-75 of parallel calls of that address one wins, keeps its session, and loses nothing to the others, pushed requests too", async () => {
    const third = await here.running.app({ firstParty: false });
    for (let round = 0; round < 4; round++) {
      const { url } = await third.request({ prompt: "consent" });
      const pushed = await third.post("/request", Object.fromEntries(new URL(url).searchParams));
      const { request_uri } = (await pushed.json()) as { request_uri: string };
      const by = new URLSearchParams({ client_id: third.client.client_id, request_uri });
      const consent = await jane.open(round % 2 ? url : `/auth?${by}`);
      const action = /data-decision="([^"]+)"/.exec(consent.text)?.[1] ?? "";
      const { location } = (await jane.post(action, { decision: "allow" })).json();
      const tabs = Array.from({ length: 6 }, () => here.running.browser());
      for (const tab of tabs) tab.cookies = [...jane.cookies];
      const answers = await Promise.all(tabs.map((tab) => tab.request(String(location))));
      const won = tabs.filter((_, n) => answers[n]?.headers.get("location")?.includes("code="));
      expect(won).toHaveLength(1);
      jane = Object.assign(won[0] as Browser, { authenticator: jane.authenticator });
      expect(await isSignedIn(jane)).toBe(true);
    }
  });

  it("SEC-74 two tabs with two apps keep their own, and both end signed in", async () => {
    const browser = here.running.browser(jane.authenticator);
    const other = await here.running.app();
    const [one, two] = [await here.app.request(), await other.request()];
    const [first, second] = [await browser.open(one.url), await browser.open(two.url)];
    const later = await browser.complete(second);
    const earlier = await browser.complete(first);
    const tokens = [await here.app.tokens(one, earlier), await other.tokens(two, later)];
    expect(tokens.map(({ idToken }) => idToken.aud)).toEqual([
      here.app.client.client_id,
      other.client.client_id,
    ]);
    expect(await isSignedIn(browser)).toBe(true);
  });

  it("of a hundred parallel requests in one session none is refused because of the others", async () => {
    const urls = await Promise.all(Array.from({ length: 100 }, async () => (await here.app.request()).url));
    const answers = await Promise.all(urls.map((url) => jane.request(url)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([303]));
    expect(answers.every(({ headers }) => headers.get("location")?.includes("code="))).toBe(true);
  });

  it("parallel requests of many apps in one session are all remembered by it", async () => {
    const browser = here.running.browser(jane.authenticator);
    await here.app.signIn(browser);
    const apps = await Promise.all(Array.from({ length: 4 }, () => here.running.app()));
    const tokens = await Promise.all(apps.map((each) => each.signIn(browser)));
    for (const [n, { response }] of tokens.entries())
      expect((await apps[n]?.userinfo(response.access_token))?.status).toBe(200);
    await browser.submit("/account/sign-out");
    for (const [n, { response }] of tokens.entries())
      expect((await apps[n]?.userinfo(response.access_token))?.status).toBe(401);
  });
});
