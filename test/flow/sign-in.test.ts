/** Signing in to an app: with a ceremony, with a session, and what an app may ask for on the way. */
import { decodeProtectedHeader } from "jose";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import "../support/prototypes.ts";
import { type Browser, ceremonyOf } from "../support/browser.ts";
import type { Tokens } from "../support/relying-party.ts";
import { scene } from "../support/scene.ts";
import { stores } from "../support/stores.ts";

const MINUTE = 60_000;

describe.each(stores)("a sign-in over $name", (kind) => {
  const here = scene(kind);
  let jane: Browser;
  let first: Tokens;

  beforeAll(async () => {
    jane = here.running.browser();
    first = await here.app.signUp(jane, { name: "Jane Doe", email: "jane@example.com" });
  });
  afterEach(() => void vi.useRealTimers());

  /** Moves the time of the server and of the here.app; stores keep their own. */
  function later(ms: number): void {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
  }

  it("creates an account with a passkey and gives the here.app true claims (oidcc-server, oidcc-idtoken-signature)", () => {
    expect(first.idToken).toMatchObject({
      acr: "phr",
      aud: here.app.client.client_id,
      iss: here.running.issuer,
    });
    expect(first.idToken.amr).toEqual(["pop", "swk", "user", "mfa"]);
    expect(Buffer.from(first.idToken.sub, "base64url")).toHaveLength(32);
    expect(decodeProtectedHeader(first.response.id_token as string).alg).toBe("ES256");
    expect(Math.abs((first.idToken.auth_time as number) - Date.now() / 1000)).toBeLessThan(60);
  });

  it("signs in without a ceremony while the session lasts, and with one in a new browser (oidcc-scope-all, oidcc-userinfo-get)", async () => {
    const again = await here.app.signIn(jane);
    expect(again.idToken).toMatchObject({ sub: first.idToken.sub, auth_time: first.idToken.auth_time });
    const other = here.running.browser(jane.authenticator);
    const second = await here.app.signIn(other, { scope: "openid profile email groups" });
    expect(second.idToken.sub).toBe(first.idToken.sub);
    const userinfo = await here.app.userinfo(second.response.access_token);
    expect(await userinfo.json()).toEqual({
      sub: first.idToken.sub,
      name: "Jane Doe",
      preferred_username: "jane",
      email: "jane@example.com",
      email_verified: false,
      groups: [],
    });
  });

  it("gives only what a scope names (oidcc-scope-profile, oidcc-scope-email, oidcc-userinfo-post-header, oidcc-userinfo-post-body)", async () => {
    const members = async (scope: string) => {
      const { response } = await here.app.signIn(jane, { scope });
      const authorization = { authorization: `Bearer ${response.access_token}` };
      const byHeader = await fetch(`${here.running.issuer}/me`, { method: "POST", headers: authorization });
      const byBody = await fetch(`${here.running.issuer}/me`, {
        method: "POST",
        body: new URLSearchParams({ access_token: response.access_token }),
      });
      const answer = (await byHeader.json()) as object;
      expect(await byBody.json()).toEqual(answer);
      return Object.keys(answer).sort();
    };
    expect(await members("openid")).toEqual(["sub"]);
    expect(await members("openid profile")).toEqual(["name", "preferred_username", "sub"]);
    expect(await members("openid email")).toEqual(["email", "email_verified", "sub"]);
  });

  it("puts the login_hint into the page and nothing else about whom it names (SEC-64, oidcc-login-hint)", async () => {
    const stranger = here.running.browser();
    const hinted = async (login_hint: string) =>
      (await stranger.open((await here.app.request({ login_hint })).url)).text;
    const [known, unknown] = [await hinted("jane@example.com"), await hinted("none@example.com")];
    expect(known).toContain('value="jane@example.com"');
    expect(known).not.toMatch(/Jane Doe/);
    expect(scrubbed(known).replaceAll("jane@", "none@")).toBe(scrubbed(unknown));
    const script = await hinted('"><script>alert(1)</script>');
    expect(script).not.toContain("<script>alert");
  });

  it("speaks the language that the here.app asks for, before the browser's own (oidcc-ui-locales)", async () => {
    const stranger = here.running.browser();
    stranger.headers["accept-language"] = "en";
    const german = await stranger.open((await here.app.request({ ui_locales: "fr de" })).url);
    expect(german.text).toMatch(/<html[^>]*lang="de"/);
    expect(german.text).not.toContain(">Sign in<");
    const english = await stranger.open((await here.app.request()).url);
    expect(english.text).toMatch(/<html[^>]*lang="en"/);
    expect(english.text).toContain(">Sign in<");
  });

  it("answers prompt=none with a code or an error, never with a page (oidcc-prompt-none-logged-in, oidcc-prompt-none-not-logged-in)", async () => {
    const { idToken } = await here.app.signIn(jane, { prompt: "none" });
    expect(idToken.auth_time).toBe(first.idToken.auth_time);
    const refused = async (browser: Browser, parameters: Record<string, string>) => {
      const request = await here.app.request({ prompt: "none", ...parameters });
      return here.app.error(request, await browser.open(request.url));
    };
    expect(await refused(here.running.browser(), {})).toBe("login_required");
    expect(await refused(jane, { max_age: "0" })).toBe("login_required");
    const john = here.running.browser();
    const other = await here.app.signUp(john, { email: "john@example.com" });
    expect(await refused(jane, { id_token_hint: other.response.id_token as string })).toBe("login_required");
  });

  it("asks again for prompt=login, with a new auth_time (oidcc-prompt-login)", async () => {
    later(2 * MINUTE);
    const request = await here.app.request({ prompt: "login" });
    const page = await jane.open(request.url);
    expect(ceremonyOf(page).kind).toBe("authentication");
    const { idToken } = await here.app.tokens(request, await jane.complete(page));
    expect(idToken.sub).toBe(first.idToken.sub);
    expect(idToken.auth_time).toBeGreaterThanOrEqual((first.idToken.auth_time as number) + 120);
  });

  it("asks again when the session is older than max_age, and always for 0 (oidcc-max-age-1, oidcc-max-age-10000)", async () => {
    later(10 * MINUTE);
    const asks = async (max_age: string) =>
      (await jane.open((await here.app.request({ max_age })).url)).status === 200;
    expect(await asks("10000")).toBe(false);
    expect(await asks("60")).toBe(true);
    const request = await here.app.request({ max_age: "0" });
    const page = await jane.open(request.url);
    expect(page.status).toBe(200);
    const { idToken } = await here.app.tokens(request, await jane.complete(page), { maxAge: 0 });
    expect(idToken.auth_time).toBe(Math.floor(Date.now() / 1000));
    expect(await asks("60")).toBe(false);
  });

  it("accepts a matching id_token_hint, and ends with login_required when another account signs in (oidcc-id-token-hint)", async () => {
    const hint = { id_token_hint: first.response.id_token as string };
    expect((await here.app.signIn(jane, { ...hint, prompt: "none" })).idToken.sub).toBe(first.idToken.sub);
    const mary = here.running.browser();
    await here.app.signUp(mary, { email: "mary@example.com" });
    const request = await here.app.request(hint);
    const page = await mary.open(request.url);
    expect(page.status).toBe(200);
    const answer = await mary.complete(page);
    expect(here.app.error(request, answer)).toBe("login_required");
  });

  it("a page that is over names the here.app and leads back to its start", async () => {
    const browser = here.running.browser(jane.authenticator);
    const page = await browser.open((await here.app.request()).url);
    await browser.complete(page);
    for (const path of [page.url, `${page.url}/register`]) {
      const over = await browser.open(path);
      expect(over.status).toBe(400);
      expect(over.text).toContain("interaction_expired");
      expect(over.text).toContain("Example app");
      expect(over.text).toMatch(/<a [^>]*href="http:\/\/localhost:1\/"[^>]*>Start again</);
    }
  });

  it.each([
    ["oidcc-ensure-request-with-unknown-parameter-succeeds", { extra: "foobar" }],
    ["oidcc-ensure-request-without-nonce-succeeds-for-code-flow", { nonce: undefined }],
    ["oidcc-display-page", { display: "page" }],
    ["oidcc-display-popup", { display: "popup" }],
    ["oidcc-claims-locales", { claims_locales: "se" }],
    ["oidcc-ensure-request-with-acr-values-succeeds", { acr_values: "urn:example:1 urn:example:2" }],
    ["oidcc-scope-address, oidcc-scope-phone", { scope: "openid address phone" }],
  ])("%s", async (_module, parameters: Record<string, string | undefined>) => {
    const request = await here.app.request(parameters);
    const answer = await jane.open(request.url);
    expect(here.app.callback(request, answer).get("code")).toMatch(/^[\w-]{43}$/);
  });

  it.each([
    ["oidcc-response-type-missing", { response_type: undefined }, "invalid_request"],
    ["SEC-90 an id_token in the address", { response_type: "id_token" }, "unsupported_response_type"],
    ["SEC-90 a code and an id_token", { response_type: "code id_token" }, "unsupported_response_type"],
    ["SEC-90 a code in the fragment", { response_mode: "fragment" }, "unsupported_response_mode"],
    ["SEC-90 a message to the opener", { response_mode: "web_message" }, "unsupported_response_mode"],
    ["oidcc-unsigned-request-object-…", { request: "eyJhbGciOiJub25lIn0.e30." }, "request_not_supported"],
    [
      "oidcc-request-uri-unsigned-…",
      { request_uri: "https://app.example.com/r" },
      "request_uri_not_supported",
    ],
    [
      "a request without PKCE",
      { code_challenge: undefined, code_challenge_method: undefined },
      "invalid_request",
    ],
    ["a plain challenge", { code_challenge_method: "plain" }, "invalid_request"],
  ])(
    "refuses with the error of the specification: %s",
    async (_title, parameters: Record<string, string | undefined>, error) => {
      const request = await here.app.request(parameters);
      const answer = await jane.open(request.url);
      expect(answer.url + answer.text).toContain(error);
      expect(answer.url).not.toMatch(/[?&#](code|id_token|access_token)=/);
    },
  );
});

/** A page without what differs from one load to the next. */
function scrubbed(text: string): string {
  return text.replace(/[\w-]{40,}|[\w-]{21}(?=\/|&|")|[0-9a-f-]{36}/g, "…");
}
