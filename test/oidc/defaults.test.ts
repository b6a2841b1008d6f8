/** The library's risky defaults, each seen to be changed, and nothing left that it would warn of. */
import Provider from "oidc-provider";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import "../support/prototypes.ts";
import { systemClock } from "../../src/clock.ts";
import { serverConfiguration } from "../../src/oidc/configuration.ts";
import { contribution } from "../../src/oidc/contribution.ts";
import { cookieKeys } from "../../src/oidc/cookie-keys.ts";
import { signingKeys } from "../../src/oidc/keys.ts";
import { unitOfWork } from "../../src/store/unit.ts";
import type { Browser } from "../support/browser.ts";
import { anyDevice } from "../support/devices.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { type StoreKind, stores } from "../support/stores.ts";

describe("the provider's configuration", () => {
  let running: Running;
  let app: RelyingParty;
  let jane: Browser;

  beforeAll(async () => {
    running = await startInstallation(stores[0] as StoreKind);
    app = await running.app();
    jane = running.browser();
    await app.signUp(jane, { email: "jane@example.com" });
  });
  afterAll(() => running.stop());
  afterEach(() => void vi.restoreAllMocks());

  it("gives the library nothing to warn of, neither when it is made nor when it is used", async () => {
    const said: unknown[] = [];
    for (const name of ["info", "warn", "error", "log"] as const)
      vi.spyOn(console, name).mockImplementation((...args) => void said.push(args));
    const { store, clients, vault } = running.installation;
    const d = { store, unit: unitOfWork(store), clients, clock: systemClock, ...anyDevice };
    const answer = async () => {};
    const own = serverConfiguration({
      ...d,
      issuer: new URL("https://id.example.com"),
      keys: await signingKeys(store, vault, systemClock),
      cookieKeys: cookieKeys(["x".repeat(32)]),
      nonceSecret: Buffer.alloc(32, 1),
      pages: {
        error: answer,
        logout: answer,
        loggedOut: answer,
        deviceCode: answer,
        deviceConfirm: answer,
        deviceDone: answer,
      },
    });
    const provider = new Provider("https://id.example.com", {
      ...own,
      ...contribution(d),
      claims: { ...own.claims },
    });
    expect(provider.issuer).toBe("https://id.example.com");

    const { response } = await app.signIn(jane, { scope: "openid offline_access" });
    await app.refresh(response.refresh_token as string);
    await app.post("/token/introspection", { token: response.access_token });
    await app.post("/token/revocation", { token: response.access_token });
    await app.post("/token", { grant_type: "client_credentials" });
    await jane.open("/session/end");
    await jane.open("/device");
    await jane.open("/auth");
    expect(said).toEqual([]);
  });

  it("says in discovery what it does, and nothing more", async () => {
    const { issuer } = running;
    const discovery = (await jane.request("/.well-known/openid-configuration")).json();
    expect(discovery).toMatchObject({
      issuer,
      response_types_supported: ["code"],
      code_challenge_methods_supported: ["S256"],
      grant_types_supported: [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:device_code",
      ],
      token_endpoint_auth_methods_supported: [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "none",
      ],
      id_token_signing_alg_values_supported: ["ES256", "RS256"],
      scopes_supported: ["openid", "offline_access", "profile", "email", "groups"],
      subject_types_supported: ["public"],
      request_uri_parameter_supported: false,
      claims_parameter_supported: true,
      authorization_response_iss_parameter_supported: true,
      backchannel_logout_supported: true,
      introspection_endpoint: `${issuer}/token/introspection`,
      revocation_endpoint: `${issuer}/token/revocation`,
      end_session_endpoint: `${issuer}/session/end`,
      pushed_authorization_request_endpoint: `${issuer}/request`,
    });
    for (const absent of [
      "registration_endpoint",
      "request_object_signing_alg_values_supported",
      "check_session_iframe",
    ]) {
      expect(discovery).not.toHaveProperty(absent);
    }
    expect(discovery.dpop_signing_alg_values_supported).not.toContain("RS256");
    expect(JSON.stringify(discovery)).not.toMatch(/"none"(?!.*consent)|HS256/);
  });

  it("has no interaction pages for developers, no registration, no management", async () => {
    const { pathname } = new URL((await running.browser().open((await app.request()).url)).url);
    expect(pathname).toMatch(/^\/interaction\/[\w-]+$/);
    const posted = await jane.submit(`${pathname}/login`, { prompt: "login", login: "anybody" });
    expect(posted.status).toBe(404);
    for (const path of ["/reg", "/reg/x"])
      expect((await jane.request(path, { method: "POST", headers: { origin: running.issuer } })).status).toBe(
        404,
      );
  });

  it("finds no account that does not exist", async () => {
    const accounts = running.installation.accounts;
    expect(await accounts.find("anybody")).toBeUndefined();
  });

  it("names its cookies, signs them, and keeps them from scripts and other sites", () => {
    const cookies = jane.setCookies.filter((line) => !/expires=Thu, 01 Jan 1970/.test(line));
    const names = new Set(cookies.map((line) => line.split("=")[0]?.replace(/\.sig$/, "")));
    expect([...names].every((name) => name?.startsWith("latchkey"))).toBe(true);
    // Which apps the last pages were for is no secret, and nothing depends on it.
    names.delete("latchkey_apps");
    expect(names.size).toBeGreaterThanOrEqual(2);
    for (const name of names) {
      expect(
        cookies.some((line) => line.startsWith(`${name}.sig=`)),
        name,
      ).toBe(true);
    }
    for (const line of cookies) {
      expect(line).toMatch(/; httponly/i);
      expect(line).toMatch(/; samesite=lax/i);
    }
  });

  it("gives tokens the lifetimes it was given", async () => {
    const { response, idToken } = await app.signIn(jane, { scope: "openid offline_access" });
    expect(response.expires_in).toBe(3600);
    expect((idToken.exp as number) - (idToken.iat as number)).toBe(3600);
    const introspected = (await (
      await app.post("/token/introspection", { token: response.refresh_token as string })
    ).json()) as Record<string, number>;
    expect((introspected.exp as number) - (introspected.iat as number)).toBe(30 * 24 * 3600);
  });

  it("answers a resource that it does not know with invalid_target, not with a fault", async () => {
    const request = await app.request({ resource: "https://api.example.com" });
    expect(app.error(request, await jane.open(request.url))).toBe("invalid_target");
  });

  it("demands a redirect_uri, also of a client that has one", async () => {
    const answer = await jane.open((await app.request({ redirect_uri: undefined })).url);
    expect([answer.status, answer.text.includes("redirect_uri")]).toEqual([400, true]);
  });

  it("takes an access token from the header only", async () => {
    const { response } = await app.signIn(jane);
    expect((await app.userinfo(response.access_token)).status).toBe(200);
    const query = new URLSearchParams({ access_token: response.access_token });
    expect((await fetch(`${running.issuer}/me?${query}`)).status).toBe(400);
  });
});
