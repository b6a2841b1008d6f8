/** Signing out on request of an app, and answers that leave as a form. */
import { decodeJwt, decodeProtectedHeader } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import type { Answer, Browser } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { logoutReceiver, type Receiver } from "../support/receiver.ts";
import { freePort } from "../support/redis.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { stores } from "../support/stores.ts";

const elsewhere = "https://app.example.com";
const goodbye = `${elsewhere}/goodbye`;
const formAction = ({ headers }: Answer) =>
  /form-action ([^;]*)/.exec(headers.get("content-security-policy") ?? "")?.[1];

describe.each(stores)("signing out over $name", (kind) => {
  let running: Running;
  let jane: Browser;
  let app: RelyingParty;
  let receiver: Receiver;

  beforeAll(async () => {
    running = await startInstallation(kind);
    receiver = await logoutReceiver();
    app = await running.app({
      redirectUris: [`${elsewhere}/cb`],
      postLogoutRedirectUris: [goodbye],
      backchannelLogoutUri: receiver.url,
    });
    jane = running.browser();
    await app.signUp(jane, { email: "jane@example.com" });
  });
  afterAll(async () => {
    receiver.close();
    await running.stop();
  });

  async function signedIn() {
    const browser = running.browser(jane.authenticator);
    const tokens = await app.signIn(browser);
    receiver.told.length = 0;
    return { browser, ...tokens, hint: tokens.response.id_token as string };
  }

  const ask = (browser: Browser, query: Record<string, string>) =>
    browser.open(`/session/end?${new URLSearchParams(query)}`);

  function confirm(
    browser: Browser,
    page: Answer,
    choice: Record<string, string> = { logout: "yes" },
  ): Promise<Answer> {
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.text)?.[1] ?? "";
    return browser.submit("/session/end/confirm", { xsrf, ...choice });
  }

  it("leads to the app on another origin, with its state, and exactly that page allows it (SEC-80)", async () => {
    const { browser, hint, response } = await signedIn();
    const page = await ask(browser, {
      id_token_hint: hint,
      post_logout_redirect_uri: goodbye,
      state: "s/1&2",
    });
    expect(page.status).toBe(200);
    expect(formAction(page)).toBe(`'self' ${elsewhere}`);
    const gone = await confirm(browser, page);
    expect(gone.url).toBe(`${goodbye}?${new URLSearchParams({ state: "s/1&2" })}`);
    expect((await browser.request("/account")).status).toBe(303);
    expect((await app.userinfo(response.access_token)).status).toBe(401);
    expect(formAction(await browser.open("/sign-in"))).toBe("'self'");
  });

  it("tells the app over the back channel", async () => {
    const { browser, idToken, hint } = await signedIn();
    await confirm(browser, await ask(browser, { id_token_hint: hint }));
    expect(receiver.told).toHaveLength(1);
    const [token = ""] = receiver.told;
    expect(decodeProtectedHeader(token).typ).toBe("logout+jwt");
    const claims = decodeJwt(token);
    expect(claims).toMatchObject({ iss: running.issuer, aud: app.client.client_id, sub: idToken.sub });
    expect(claims).not.toHaveProperty("nonce");
    expect((claims.exp as number) - (claims.iat as number)).toBeLessThanOrEqual(120);
  });

  it("our own sign-out tells it as well, and an app that is away keeps nobody signed in", async () => {
    const { browser } = await signedIn();
    const dead = await running.app({ backchannelLogoutUri: "http://localhost:1/gone" });
    await dead.signIn(browser);
    const answer = await browser.submit("/account/sign-out");
    expect(answer.status).toBe(200);
    expect(receiver.told).toHaveLength(1);
    expect((await browser.request("/account")).status).toBe(303);
  });

  it("F21 an app that was away is told when it is back, and at the latest when the server stops", async () => {
    const { browser } = await signedIn();
    const port = await freePort();
    const away = await running.app({ backchannelLogoutUri: `http://localhost:${port}/backchannel` });
    await away.signIn(browser);
    await browser.submit("/account/sign-out");
    expect(receiver.told).toHaveLength(1);
    const back = await logoutReceiver(port);
    await running.restart();
    const audiences = [...receiver.told, ...back.told].map((token) => decodeJwt(token).aud);
    expect(audiences).toEqual([app.client.client_id, away.client.client_id]);
    back.close();
  });

  it("asks first, also without a hint, and a person may stay (SEC-80)", async () => {
    const { browser } = await signedIn();
    const page = await ask(browser, {});
    expect(page.text).toContain("op.logoutForm");
    expect(formAction(page)).toBe("'self'");
    expect((await browser.request("/account")).status).toBe(200);
    await confirm(browser, page, {});
    expect((await browser.request("/account")).status).toBe(200);
  });

  it("SEC-80 a confirmation without the page's own token ends nothing", async () => {
    const { browser, hint } = await signedIn();
    const page = await ask(browser, { id_token_hint: hint });
    const forged = await browser.submit("/session/end/confirm", { xsrf: "guessed", logout: "yes" });
    expect(forged.status).toBe(400);
    expect((await browser.request("/account")).status).toBe(200);
    await confirm(browser, page);
    expect((await browser.request("/account")).status).toBe(303);
  });

  it.each([
    `${goodbye}/`,
    `${goodbye}?x=1`,
    "https://evil.example/goodbye",
    "https://app.example.com.evil.example/goodbye",
    "https://app.example.com@evil.example/goodbye",
    "//evil.example",
    "javascript:alert(1)",
  ])("SEC-80 SEC-87 leads nowhere that was not registered: %s", async (post_logout_redirect_uri) => {
    const { browser, hint } = await signedIn();
    const page = await ask(browser, { id_token_hint: hint, post_logout_redirect_uri });
    expect(page.status).toBe(400);
    expect(formAction(page)).toBe("'self'");
    expect((await browser.request("/account")).status).toBe(200);
  });

  it("form_post sends code and state as a form that only its page may send there (form post basic plan)", async () => {
    const { browser } = await signedIn();
    const request = await app.request({ response_mode: "form_post", state: `"><script>alert(1)</script>` });
    const page = await browser.open(request.url);
    expect(page.status).toBe(200);
    expect(formAction(page)).toBe(`'self' ${elsewhere}`);
    expect(page.headers.get("content-security-policy")).not.toContain("unsafe");
    expect(page.text).toContain(`action="${elsewhere}/cb"`);
    expect(page.text).not.toContain("<script>alert(1)");
    const script = /<script[^>]*>([\s\S]*?)<\/script>/.exec(page.text)?.[1];
    if (script) expect(page.headers.get("content-security-policy")).toMatch(/'sha256-[\w+/=]+'|'nonce-/);
    const code = /name="code" value="([^"]+)"/.exec(page.text)?.[1] ?? "";
    const form = {
      grant_type: "authorization_code",
      code,
      redirect_uri: app.redirectUri,
      code_verifier: request.verifier,
    };
    expect((await app.post("/token", form)).status).toBe(200);
  });
});
