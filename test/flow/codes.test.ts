/** Authorization codes: good once, for one client, with the right proof. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import type { Browser } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { stores } from "../support/stores.ts";
import { startTwin, type Twin } from "../support/twin.ts";

type Form = Record<string, string>;

describe.each(stores)("authorization codes over $name", (kind) => {
  let running: Running;
  let jane: Browser;
  let app: RelyingParty;
  let twin: Twin;

  beforeAll(async () => {
    running = await startInstallation(kind);
    app = await running.app();
    jane = running.browser();
    await app.signUp(jane, { email: "jane@example.com" });
    twin = await startTwin(running.issuer, running.store.url);
  });
  afterAll(async () => {
    await twin?.stop();
    await running.stop();
  });

  /** A fresh code and the form that redeems it. */
  async function code(of = app, parameters: Record<string, string | undefined> = {}): Promise<Form> {
    const [request, answer] = await of.authorize(jane, parameters);
    return {
      grant_type: "authorization_code",
      code: of.callback(request, answer).get("code") as string,
      redirect_uri: of.redirectUri,
      code_verifier: request.verifier,
    };
  }

  async function redeem(
    form: Form,
    of = app,
  ): Promise<[status: number, error: unknown, body: Record<string, string>]> {
    const response = await of.post("/token", form);
    const body = (await response.json()) as Record<string, string>;
    return [response.status, body.error, body];
  }

  it("SEC-84 fifty parallel redemptions give exactly one set of tokens", async () => {
    const form = await code();
    const answers = await Promise.all(Array.from({ length: 50 }, () => redeem(form)));
    expect(answers.filter(([status]) => status === 200)).toHaveLength(1);
    expect(answers.filter(([status, error]) => status === 400 && error === "invalid_grant")).toHaveLength(49);
  });

  it("SEC-84 fifty parallel redemptions at two processes give exactly one set of tokens", async () => {
    const form = await code();
    const authorization = `Basic ${btoa(`${app.client.client_id}:${app.secret}`)}`;
    const there = async () =>
      (await twin.post("/token", new URLSearchParams(form), { authorization })).status;
    const here = async () => (await redeem(form))[0];
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => (n % 2 === 0 ? here() : there())));
    expect(answers.filter((status) => status === 200)).toHaveLength(1);
    expect(answers.filter((status) => status === 400)).toHaveLength(49);
  });

  it("SEC-84 what one process issued, the other knows and revokes", async () => {
    const [, , tokens] = await redeem(await code());
    const authorization = `Basic ${btoa(`${app.client.client_id}:${app.secret}`)}`;
    const form = new URLSearchParams({ token: tokens.access_token as string });
    const introspect = async () =>
      JSON.parse((await twin.post("/token/introspection", form, { authorization })).text).active;
    expect(await introspect()).toBe(true);
    expect((await twin.post("/token/revocation", form, { authorization })).status).toBe(200);
    expect((await app.userinfo(tokens.access_token as string)).status).toBe(401);
  });

  it("SEC-84 a code used again ends what came of it (oidcc-codereuse, oidcc-codereuse-30seconds)", async () => {
    const form = await code(app, { scope: "openid offline_access" });
    const [status, , tokens] = await redeem(form);
    expect(status).toBe(200);
    expect((await app.userinfo(tokens.access_token as string)).status).toBe(200);
    expect((await redeem(form)).slice(0, 2)).toEqual([400, "invalid_grant"]);
    expect((await app.userinfo(tokens.access_token as string)).status).toBe(401);
    expect((await app.refresh(tokens.refresh_token as string)).status).toBe(400);
  });

  it.each<[string, Form]>([
    ["another redirect_uri", { redirect_uri: "http://localhost:1/other" }],
    ["a wrong verifier", { code_verifier: "x".repeat(43) }],
    ["no verifier", { code_verifier: "" }],
    ["another code", { code: "x".repeat(43) }],
  ])("SEC-86 is refused with %s", async (_title, change) => {
    const form = await code();
    const [status, error] = await redeem({ ...form, ...change });
    expect([status, error]).toEqual([400, "invalid_grant"]);
  });

  it("SEC-86 is refused at another client, which gets nothing and takes nothing", async () => {
    const form = await code();
    const other = await running.app();
    expect((await redeem(form, other)).slice(0, 2)).toEqual([400, "invalid_grant"]);
    const wrong = await fetch(`${running.issuer}/token`, {
      method: "POST",
      body: new URLSearchParams(form),
      headers: { authorization: `Basic ${btoa(`${app.client.client_id}:wrong`)}` },
    });
    expect([wrong.status, ((await wrong.json()) as Form).error]).toEqual([401, "invalid_client"]);
    expect((await redeem(form))[0]).toBe(200);
  });

  it("SEC-86 a verifier without a challenge is refused where PKCE is optional, and no PKCE at all is accepted there", async () => {
    const old = await running.app({ pkce: false });
    const without = { code_challenge: undefined, code_challenge_method: undefined };
    const withVerifier = await code(old, without);
    expect((await redeem(withVerifier, old)).slice(0, 2)).toEqual([400, "invalid_grant"]);
    const { code_verifier: _, ...plain } = await code(old, without);
    expect((await redeem(plain, old))[0]).toBe(200);
    const { code_verifier: __, ...downgraded } = await code(old);
    expect((await redeem(downgraded, old)).slice(0, 2)).toEqual([400, "invalid_grant"]);
  });

  it.each([
    ["oidcc-ensure-registered-redirect-uri", "http://localhost:1/elsewhere"],
    ["SEC-87 with a query", "http://localhost:1/cb?x=1"],
    ["SEC-87 with a slash", "http://localhost:1/cb/"],
    ["SEC-87 with user info", "http://localhost:1@evil.example/cb"],
    ["SEC-87 in upper case", "http://LOCALHOST:1/cb"],
    ["SEC-87 with a fragment", "http://localhost:1/cb#x"],
    ["SEC-87 with a path trick", "http://localhost:1/x/../cb"],
  ])("no redirect leads to an address that was not registered: %s", async (_title, redirect_uri) => {
    const answer = await jane.open((await app.request({ redirect_uri })).url);
    expect(answer.status).toBe(400);
    expect(new URL(answer.url).origin).toBe(running.issuer);
    expect(answer.text).toContain("request_invalid");
  });
});
