/** Refresh tokens: who gets one, how it turns over, and what its misuse ends. */
import { afterEach, describe, expect, it, vi } from "vitest";
import "../support/prototypes.ts";
import { sceneWithJane } from "../support/scene.ts";
import { stores } from "../support/stores.ts";

const DAY = 24 * 60 * 60 * 1000;
const offline = { scope: "openid offline_access" };
type Body = { access_token: string; refresh_token: string; id_token: string; scope: string; error?: string };

describe.each(stores)("refresh tokens over $name", (kind) => {
  const here = sceneWithJane(kind);

  afterEach(() => void vi.useRealTimers());

  async function issued(of = here.app, parameters: Record<string, string> = {}): Promise<string> {
    const { response } = await of.signIn(here.jane, { ...offline, ...parameters });
    return response.refresh_token as string;
  }

  async function use(refreshToken: string, of = here.app): Promise<{ status: number; body: Body }> {
    const response = await of.refresh(refreshToken);
    return { status: response.status, body: (await response.json()) as Body };
  }

  it("come for offline_access: to a first-party here.app without prompt=consent, also through PAR", async () => {
    expect(await issued()).toMatch(/^[\w-]{43}$/);
    expect((await here.app.signIn(here.jane)).response.refresh_token).toBeUndefined();
    const request = await here.app.request(offline);
    const pushed = await here.app.post("/request", Object.fromEntries(new URL(request.url).searchParams));
    const { request_uri } = (await pushed.json()) as { request_uri: string };
    const query = new URLSearchParams({ client_id: here.app.client.client_id, request_uri });
    const { response } = await here.app.tokens(request, await here.jane.open(`/auth?${query}`));
    expect(response.refresh_token).toMatch(/^[\w-]{43}$/);
  });

  it("come to no here.app that was registered without the grant", async () => {
    const plain = await here.running.app({ grants: ["authorization_code"] });
    expect((await plain.signIn(here.jane, offline)).response.refresh_token).toBeUndefined();
  });

  it("come to a third-party here.app only with prompt=consent", async () => {
    const third = await here.running.app({ firstParty: false });
    const allow = async (parameters: Record<string, string>) => {
      const request = await third.request({ ...offline, ...parameters });
      const page = await here.jane.open(request.url);
      const action = /data-decision="([^"]+)"/.exec(page.text)?.[1] ?? "";
      return third.tokens(request, await here.jane.submit(action, { decision: "allow" }));
    };
    expect((await allow({})).response.refresh_token).toBeUndefined();
    expect((await allow({ prompt: "consent" })).response.refresh_token).toMatch(/^[\w-]{43}$/);
  });

  it("turn over with every use and keep sub, aud and auth_time (oidcc-refresh-token)", async () => {
    const { response, idToken } = await here.app.signIn(here.jane, offline);
    const { status, body } = await use(response.refresh_token as string);
    expect(status).toBe(200);
    expect(body.refresh_token).not.toBe(response.refresh_token);
    const claims = JSON.parse(Buffer.from(body.id_token.split(".")[1] ?? "", "base64url").toString());
    const { sub, aud, auth_time, iss, acr } = idToken;
    expect(claims).toMatchObject({ sub, aud, auth_time, iss, acr });
    expect((await here.app.userinfo(body.access_token)).status).toBe(200);
    expect((await use(body.refresh_token)).status).toBe(200);
  });

  it("SEC-85 used again later, they end the whole family", async () => {
    const stolen = await issued();
    const { body: fresh } = await use(stolen);
    expect((await here.app.userinfo(fresh.access_token)).status).toBe(200);
    const again = await use(stolen);
    expect([again.status, again.body.error]).toEqual([400, "invalid_grant"]);
    expect((await use(fresh.refresh_token)).body.error).toBe("invalid_grant");
    expect((await here.app.userinfo(fresh.access_token)).status).toBe(401);
    expect((await use(await issued())).status).toBe(200);
  });

  it("SEC-85 fifty parallel uses of one give exactly one set of tokens", async () => {
    const token = await issued();
    const answers = await Promise.all(Array.from({ length: 50 }, () => use(token)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const others = answers.filter(({ status }) => status !== 200);
    expect(new Set(others.map(({ status, body }) => `${status} ${body.error}`))).toEqual(
      new Set(["400 invalid_grant"]),
    );
  });

  it("SEC-89 give no more than was granted", async () => {
    const { response } = await here.app.signIn(here.jane, offline);
    const token = response.refresh_token as string;
    const wider = await here.app.post("/token", {
      grant_type: "refresh_token",
      refresh_token: token,
      scope: "openid email",
    });
    expect([wider.status, ((await wider.json()) as Body).error]).toEqual([400, "invalid_scope"]);
    const same = await here.app.post("/token", {
      grant_type: "refresh_token",
      refresh_token: token,
      scope: "openid",
    });
    expect(((await same.json()) as Body).scope).toBe("openid");
  });

  it("serve only the client they were issued to", async () => {
    const token = await issued();
    const other = await here.running.app();
    expect((await use(token, other)).body.error).toBe("invalid_grant");
    const unknown = await fetch(`${here.running.issuer}/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "refresh_token",
        refresh_token: token,
        client_id: here.app.client.client_id,
      }),
    });
    expect(unknown.status).toBe(401);
    expect((await use(token)).status).toBe(200);
  });

  it("survive a sign-out, which ends what hangs on the session", async () => {
    const browser = here.running.browser(here.jane.authenticator);
    const { response } = await here.app.signIn(browser, offline);
    const online = await here.app.signIn(browser);
    await browser.submit("/account/sign-out");
    expect((await here.app.userinfo(online.response.access_token)).status).toBe(401);
    expect((await use(response.refresh_token as string)).status).toBe(200);
  });

  it("end after thirty days without use, and 180 days after their first (SEC-79)", async () => {
    const start = Date.now();
    const at = (days: number) => vi.useFakeTimers({ toFake: ["Date"], now: start + days * DAY });
    const idle = await issued();
    at(31);
    expect((await use(idle)).body.error).toBe("invalid_grant");
    at(0);
    let token = await issued(here.app, { prompt: "login" });
    for (const days of [29, 58, 87, 116, 145, 174]) {
      at(days);
      const { status, body } = await use(token);
      expect([days, status]).toEqual([days, 200]);
      token = body.refresh_token;
    }
    const introspected = await here.app.post("/token/introspection", { token });
    const { exp } = (await introspected.json()) as { exp: number };
    expect(exp * 1000).toBeLessThanOrEqual(start + 180 * DAY + 60_000);
    at(181);
    expect((await use(token)).body.error).toBe("invalid_grant");
  });
});
