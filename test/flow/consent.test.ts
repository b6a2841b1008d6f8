/** A third-party app asks the person, once. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { type Answer, type Browser, ceremonyOf } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { stores } from "../support/stores.ts";

describe.each(stores)("consent over $name", (kind) => {
  let running: Running;
  let jane: Browser;
  let app: RelyingParty;

  beforeAll(async () => {
    running = await startInstallation(kind);
    jane = running.browser();
    await (await running.app()).signUp(jane, { name: "Jane Doe", email: "jane@example.com" });
  });
  afterAll(() => running.stop());
  beforeEach(async () => {
    app = await running.app({ firstParty: false, name: "Third & Co" });
  });

  const consentOf = (page: Answer) => {
    expect(page.status).toBe(200);
    expect(page.text).toContain("Allow access?");
    return /data-decision="([^"]+)"/.exec(page.text)?.[1] ?? "";
  };

  async function decide(browser: Browser, page: Answer, decision: string): Promise<Answer> {
    const answer = await browser.post(consentOf(page), { decision });
    expect(answer.status).toBe(200);
    return browser.open(String(answer.json().location));
  }

  async function allowed(parameters: Record<string, string> = {}) {
    const request = await app.request(parameters);
    return app.tokens(request, await decide(jane, await jane.open(request.url), "allow"));
  }

  it("comes in one step with the sign-in, names app, account and scopes, and leads to the app", async () => {
    const browser = running.browser(jane.authenticator);
    const request = await app.request({ scope: "openid profile email" });
    const signIn = await browser.open(request.url);
    const { action } = ceremonyOf(signIn);
    const answer = await browser.perform(signIn);
    expect(answer.json()).toEqual({ location: action.replace("/passkey", "") });
    const page = await browser.open(String(answer.json().location));
    for (const text of ["Third &amp; Co", "jane@example.com", ">Allow<", ">Cancel<"])
      expect(page.text).toContain(text);
    const { response } = await app.tokens(request, await decide(browser, page, "allow"));
    const userinfo = await app.userinfo(response.access_token);
    expect(await userinfo.json()).toMatchObject({ name: "Jane Doe", email: "jane@example.com" });
  });

  it("works as a plain form too, with and against", async () => {
    const request = await app.request();
    const cancelled = await jane.submit(consentOf(await jane.open(request.url)), { decision: "cancel" });
    expect(app.error(request, cancelled)).toBe("access_denied");
    const second = await app.request();
    const answer = await jane.submit(consentOf(await jane.open(second.url)), { decision: "allow" });
    expect((await app.tokens(second, answer)).idToken.acr).toBe("phr");
  });

  it("tells the app when it is refused, and asks again the next time", async () => {
    const request = await app.request();
    const answer = await decide(jane, await jane.open(request.url), "cancel");
    expect(app.error(request, answer)).toBe("access_denied");
    consentOf(await jane.open((await app.request()).url));
  });

  it("remembers what was allowed, in other browsers too; prompt=none passes", async () => {
    const { idToken } = await allowed({ scope: "openid email" });
    expect((await app.signIn(jane, { prompt: "none", scope: "openid" })).idToken.sub).toBe(idToken.sub);
    const elsewhere = running.browser(jane.authenticator);
    expect((await app.signIn(elsewhere, { scope: "openid email" })).idToken.sub).toBe(idToken.sub);
  });

  it("SEC-89 asks again for more than was allowed, and prompt=none gets consent_required", async () => {
    const { response } = await allowed({ scope: "openid" });
    const silent = await app.request({ scope: "openid email", prompt: "none" });
    expect(app.error(silent, await jane.open(silent.url))).toBe("consent_required");
    const claims = JSON.stringify({ userinfo: { email: null } });
    const byClaims = await app.request({ claims, prompt: "none" });
    expect(app.error(byClaims, await jane.open(byClaims.url))).toBe("consent_required");
    expect(await (await app.userinfo(response.access_token)).json()).not.toHaveProperty("email");

    const wider = await allowed({ scope: "openid email" });
    expect(await (await app.userinfo(wider.response.access_token)).json()).toHaveProperty("email");
    expect((await app.signIn(jane, { scope: "openid email", prompt: "none" })).idToken.acr).toBe("phr");
  });

  it("asks nobody again for claims about the sign-in itself, in another browser either", async () => {
    const claims = JSON.stringify({ id_token: { acr: null, auth_time: { essential: true } } });
    await allowed({ claims });
    const browser = running.browser(jane.authenticator);
    expect((await app.signIn(browser, { claims })).idToken.acr).toBe("phr");
  });

  it("asks again for prompt=consent", async () => {
    await allowed();
    await allowed({ prompt: "consent" });
    const browser = running.browser(jane.authenticator);
    const request = await app.request({ prompt: "login consent" });
    const page = await browser.complete(await browser.open(request.url));
    expect((await app.tokens(request, await decide(browser, page, "allow"))).idToken.acr).toBe("phr");
  });

  it("SEC-76 going on without an answer leads back to the question, never to a code", async () => {
    const browser = running.browser(jane.authenticator);
    const request = await app.request();
    const signIn = await browser.open(request.url);
    const uid = new URL(signIn.url).pathname.split("/").at(-1);
    const early = await browser.post(`/interaction/${uid}/consent`, { decision: "allow" });
    expect([early.status, early.json().code]).toEqual([400, "interaction_expired"]);
    await browser.perform(signIn);
    const page = await browser.open(`/auth/${uid}`);
    expect(new URL(page.url).pathname).toMatch(/^\/interaction\//);
    expect((await app.tokens(request, await decide(browser, page, "allow"))).idToken.acr).toBe("phr");
  });

  it("SEC-76 another browser, another interaction or another answer decides nothing", async () => {
    const page = await jane.open((await app.request()).url);
    const action = consentOf(page);
    const stranger = running.browser();
    const foreign = await stranger.post(action, { decision: "allow" });
    expect([foreign.status, foreign.json().code]).toEqual([400, "interaction_expired"]);
    const odd = await jane.post(action, { decision: "allow", scope: "openid email" });
    expect([odd.status, odd.json().code]).toEqual([400, "request_invalid"]);
    const crossSite = await jane.post(action, { decision: "allow" }, { origin: "https://evil.example" });
    expect([crossSite.status, crossSite.json().code]).toEqual([403, "origin_refused"]);
    expect((await jane.post(action, { decision: "allow" })).status).toBe(200);
  });

  it("a first-party app is not asked for, whatever it asks", async () => {
    const own = await running.app();
    expect((await own.signIn(jane, { scope: "openid profile email", prompt: "none" })).idToken.acr).toBe(
      "phr",
    );
    const { idToken } = await own.signIn(running.browser(jane.authenticator), { prompt: "consent" });
    expect(idToken.acr).toBe("phr");
  });
});
