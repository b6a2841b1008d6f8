/** The endpoints beside the sign-in: introspection, revocation, machines, pushed requests, CORS, keys. */
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { afterEach, describe, expect, it, vi } from "vitest";
import "../support/prototypes.ts";
import { sceneWithJane } from "../support/scene.ts";
import { stores } from "../support/stores.ts";

type Body = Record<string, unknown>;
const json = async (response: Response) => (await response.json()) as Body;

describe.each(stores)("the endpoints over $name", (kind) => {
  const here = sceneWithJane(kind);

  afterEach(() => void vi.useRealTimers());

  const accessToken = async () => (await here.app.signIn(here.jane)).response.access_token;

  it("SEC-96 introspection answers the client a token was issued to, and nobody else", async () => {
    const token = await accessToken();
    const other = await here.running.app();
    const spa = await here.running.app({ kind: "spa", redirectUris: ["http://localhost:1/cb"] });
    expect(await json(await here.app.post("/token/introspection", { token }))).toMatchObject({
      active: true,
      client_id: here.app.client.client_id,
      scope: "openid",
    });
    expect(await json(await other.post("/token/introspection", { token }))).toEqual({ active: false });
    expect(await json(await spa.post("/token/introspection", { token }))).not.toHaveProperty("active", true);
    const anonymous = await fetch(`${here.running.issuer}/token/introspection`, {
      method: "POST",
      body: new URLSearchParams({ token }),
    });
    expect(anonymous.status).toBeGreaterThanOrEqual(400);
  });

  it("SEC-96 revocation by another client has no effect; by its own it ends the tokens", async () => {
    const token = await accessToken();
    const other = await here.running.app();
    await other.post("/token/revocation", { token });
    expect((await here.app.userinfo(token)).status).toBe(200);
    expect((await here.app.post("/token/revocation", { token })).status).toBe(200);
    expect((await here.app.userinfo(token)).status).toBe(401);
  });

  it("a machine gets a token for itself, which opens nobody's userinfo", async () => {
    const machine = await here.running.app({ kind: "machine", firstParty: false });
    const answer = await machine.post("/token", { grant_type: "client_credentials" });
    expect(answer.status).toBe(200);
    const { access_token } = (await answer.json()) as { access_token: string };
    expect((await machine.userinfo(access_token)).status).toBe(401);
    expect(await json(await machine.post("/token/introspection", { token: access_token }))).toMatchObject({
      active: true,
    });
    const refused = await here.app.post("/token", { grant_type: "client_credentials" });
    expect([refused.status, (await json(refused)).error]).toEqual([400, "invalid_request"]);
  });

  it("a client that posts its secret is served, with a wrong one it is not (oidcc-server-client-secret-post)", async () => {
    const poster = await here.running.app({ authMethod: "post" });
    expect((await poster.signIn(here.jane)).idToken.acr).toBe("phr");
    const { client_id } = poster.client;
    const form = {
      client_id,
      client_secret: "wrong",
      grant_type: "authorization_code",
      code: "x",
      redirect_uri: poster.redirectUri,
    };
    const refused = await fetch(`${here.running.issuer}/token`, {
      method: "POST",
      body: new URLSearchParams(form),
    });
    expect([refused.status, (await json(refused)).error]).toEqual([401, "invalid_client"]);
  });

  it("a pushed request is used once, by the client that pushed it", async () => {
    const request = await here.app.request({ scope: "openid email" });
    const pushed = await here.app.post("/request", Object.fromEntries(new URL(request.url).searchParams));
    expect(pushed.status).toBe(201);
    const { request_uri } = (await pushed.json()) as { request_uri: string };
    const open = (client_id: string) =>
      here.jane.open(`/auth?${new URLSearchParams({ client_id, request_uri })}`);
    const other = await here.running.app();
    expect((await open(other.client.client_id as string)).url).toContain(here.running.issuer);
    const answer = await open(here.app.client.client_id as string);
    expect((await here.app.tokens(request, answer)).response.scope).toBe("openid email");
    expect((await open(here.app.client.client_id as string)).text).toContain("invalid_request_uri");
  });

  it("of fifty parallel uses of a pushed request at most one gives a code", async () => {
    const request = await here.app.request();
    const pushed = await here.app.post("/request", Object.fromEntries(new URL(request.url).searchParams));
    const { request_uri } = (await pushed.json()) as { request_uri: string };
    const query = new URLSearchParams({ client_id: here.app.client.client_id, request_uri });
    const answers = await Promise.all(Array.from({ length: 50 }, () => here.jane.request(`/auth?${query}`)));
    const codes = answers.filter(({ headers }) => headers.get("location")?.includes("code="));
    expect(codes).toHaveLength(1);
  });

  it("an authorization request may be posted (oidcc-ensure-post-request-succeeds)", async () => {
    const request = await here.app.request();
    const form = Object.fromEntries(new URL(request.url).searchParams);
    const fromApp = {
      method: "POST",
      body: new URLSearchParams(form),
      headers: { origin: "https://app.example.com" },
    };
    const answer = await here.jane.request("/auth", fromApp);
    expect(answer.status).toBe(303);
    expect(
      (await here.app.tokens(request, await here.jane.open(String(answer.headers.get("location"))))).idToken
        .acr,
    ).toBe("phr");
  });

  it("SEC-118 a single-page here.app may read from its origin, others may not, and nobody reads the authorization endpoint", async () => {
    const origin = "http://localhost:5173";
    const spa = await here.running.app({ kind: "spa", redirectUris: [`${origin}/cb`] });
    const [request, answer] = await spa.authorize(here.jane);
    const form = {
      grant_type: "authorization_code",
      code: spa.callback(request, answer).get("code") as string,
      redirect_uri: spa.redirectUri,
      code_verifier: request.verifier,
    };
    const allowed = (response: Response) => response.headers.get("access-control-allow-origin");
    const from = (path: string, origin: string, init: RequestInit = {}) =>
      fetch(new URL(path, here.running.issuer), {
        redirect: "manual",
        ...init,
        headers: { origin, ...init.headers },
      });

    for (const path of ["/.well-known/openid-configuration", "/jwks"]) {
      expect(allowed(await from(path, origin))).toMatch(/^(\*|http:\/\/localhost:5173)$/);
    }
    const tokens = await spa.post("/token", form, { origin });
    expect(allowed(tokens)).toBe(origin);
    const { access_token } = (await tokens.json()) as { access_token: string };
    const authorization = { authorization: `Bearer ${access_token}` };
    expect(allowed(await from("/me", origin, { headers: authorization }))).toBe(origin);
    for (const foreign of ["https://evil.example", "null", "http://localhost:5174"]) {
      const refused = await from("/me", foreign, { headers: authorization });
      expect([foreign, allowed(refused), refused.status]).toEqual([foreign, null, 400]);
      expect(allowed(await spa.post("/token", form, { origin: foreign }))).toBeNull();
    }
    for (const path of ["/auth", "/account", "/sign-in", request.url]) {
      expect(allowed(await from(path, origin))).toBeNull();
      expect(allowed(await from(path, origin, { method: "OPTIONS" }))).toBeNull();
    }
    const preflight = {
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type",
    };
    expect(allowed(await from("/token", origin, { method: "OPTIONS", headers: preflight }))).toBe(origin);
  });

  it("publishes a key for ES256 and one for RS256, signs with the first, and keeps the private halves", async () => {
    const { keys } = (await (await fetch(`${here.running.issuer}/jwks`)).json()) as { keys: Body[] };
    expect(keys.map(({ alg }) => alg)).toEqual(["ES256", "RS256"]);
    for (const key of keys)
      for (const secret of ["d", "p", "q", "dp", "dq", "qi", "k"]) expect(key).not.toHaveProperty(secret);
    const { response } = await here.app.signIn(here.jane);
    expect(decodeProtectedHeader(response.id_token as string).alg).toBe("ES256");
    expect(here.app.as.id_token_signing_alg_values_supported).toEqual(
      expect.arrayContaining(["ES256", "RS256"]),
    );
  });

  it("signs with RS256 for a client that was registered for it, and verifies (oidcc-idtoken-rs256)", async () => {
    const old = await here.running.app({ idTokenAlg: "RS256" });
    Object.assign(old.client, { id_token_signed_response_alg: "RS256" });
    const { response, idToken } = await old.signIn(here.jane);
    expect(decodeProtectedHeader(response.id_token as string).alg).toBe("RS256");
    const keys = createRemoteJWKSet(new URL(`${here.running.issuer}/jwks`));
    const { payload } = await jwtVerify(response.id_token as string, keys, { algorithms: ["RS256"] });
    expect(payload.sub).toBe(idToken.sub);
  });

  it("a change of a client and its removal are seen by a here.running server a second later", async () => {
    const changing = await here.running.app();
    const id = changing.client.client_id as string;
    const moved = "http://localhost:1/moved";
    const old = await changing.request();
    const fresh = await changing.request({ redirect_uri: moved });
    expect((await here.jane.open(fresh.url)).status).toBe(400);
    await here.running.installation.clients.update(id, { redirectUris: [moved] });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 1001 });
    expect((await here.jane.open(old.url)).status).toBe(400);
    expect((await here.jane.open(fresh.url)).url).toContain(moved);
    await here.running.installation.clients.remove(id);
    vi.setSystemTime(Date.now() + 1001);
    expect((await here.jane.open(fresh.url)).status).toBe(400);
  });
});
