/**
 * The short way against the library: the same request, once in the form that the short way takes and once in one that
 * only the library understands, must come to the same answer and leave the same behind.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import type { AdapterPayload } from "oidc-provider";
import { refuse } from "../../src/errors.ts";
import { fingerprint } from "../../src/store/record.ts";
import type { Key, Store } from "../../src/store/store.ts";
import type { Browser } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { override } from "../support/override.ts";
import { exchange, statusOf } from "../support/raw.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { stores } from "../support/stores.ts";

type Form = Record<string, string>;
type Headers = Record<string, string>;
interface Seen {
  status: number;
  headers: object;
  body: Record<string, unknown>;
  /** Whether the short way answered. */
  short: boolean;
}

/** What the library takes as "JSON", and the short way not as ordinary. */
const LONG = { accept: "application/json, */*" };
/** What differs from one answer to the next on any way. */
const OWN = new Set(["date", "x-request-id", "connection", "keep-alive"]);

describe.each(stores)("the short way over $name", (kind) => {
  let running: Running;
  let app: RelyingParty;
  let jane: Browser;
  let sub: string;
  let count = 0;
  /** Whether the store fails to write tokens. */
  let failing = false;

  beforeAll(async () => {
    const wrap = (store: Store) =>
      override(store, {
        write: (key, value, options) =>
          failing && key.startsWith("access:")
            ? Promise.reject(refuse("store_unavailable"))
            : store.write(key, value, options),
      });
    running = await startInstallation(kind, {}, { wrap });
    app = await running.app({ grants: ["authorization_code", "refresh_token"] });
  });
  afterAll(() => running.stop());
  beforeEach(async () => {
    jane = running.browser();
    sub = (await app.signUp(jane, { email: `jane${++count}@example.com`, name: "Jane" })).idToken.sub;
  });

  async function ask(path: string, init: RequestInit & { headers: Headers }): Promise<Seen> {
    const mark = running.log.length;
    const answer = await fetch(`${running.issuer}${path}`, init);
    const text = await answer.text();
    const id = answer.headers.get("x-request-id");
    const line = running.log.slice(mark).find((entry) => entry.includes(`"requestId":"${id}"`));
    return {
      status: answer.status,
      headers: Object.fromEntries([...answer.headers].filter(([name]) => !OWN.has(name))),
      body: text === "" ? {} : JSON.parse(text),
      short: line?.includes('"way":"short"') ?? false,
    };
  }

  function basic(of = app): Headers {
    const { client, secret } = of;
    return secret === undefined ? {} : { authorization: `Basic ${btoa(`${client.client_id}:${secret}`)}` };
  }

  /** A fresh code and the form that redeems it. */
  async function code(of = app, parameters: Record<string, string | undefined> = {}): Promise<Form> {
    const [request, answer] = await of.authorize(jane, { scope: "openid email profile", ...parameters });
    return {
      grant_type: "authorization_code",
      code: of.callback(request, answer).get("code") as string,
      redirect_uri: of.redirectUri,
      code_verifier: request.verifier,
    };
  }

  const redeem = (form: Form | string, headers: Headers = basic()) =>
    ask("/token", {
      method: "POST",
      body: new URLSearchParams(form).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    });
  const me = (token: string, headers: Headers = {}) =>
    ask("/me", { headers: { authorization: `Bearer ${token}`, ...headers } });

  /** A token response with what is new in each of them made alike; the ID token is read. */
  async function alike({ body, short: _, headers, ...rest }: Seen) {
    const { access_token: token, id_token: idToken } = body as { access_token?: string; id_token?: string };
    if (!token || !idToken) return { ...rest, headers, body };
    const [header, payload] = idToken.split(".").map((part) => Buffer.from(part, "base64url").toString());
    const claims = JSON.parse(payload ?? "");
    const stored = await running.store.store.read<AdapterPayload>(`access:${fingerprint(token)}`);
    const { iat, exp, ...record } = stored?.value ?? {};
    return {
      ...rest,
      headers: { ...headers, "content-length": "" },
      body: { ...body, access_token: token.length, id_token: JSON.parse(header ?? "") },
      claims: { ...claims, nonce: typeof claims.nonce, iat: typeof claims.iat, exp: claims.exp - claims.iat },
      record: { ...record, lasts: (exp ?? 0) - (iat ?? 0), grantId: typeof record.grantId },
    };
  }

  /** The beginning of a sign-in, and what it left in the store, with what is new in each made alike. */
  async function begin(path: string, query: string | URLSearchParams, headers: Headers = {}) {
    const mark = running.log.length;
    const url = `${running.issuer}${path}?${query}`;
    const answer = await fetch(url, { redirect: "manual", headers: { accept: "text/html", ...headers } });
    const text = await answer.text();
    const uid = /\/interaction\/([\w-]{43})$/.exec(answer.headers.get("location") ?? "")?.[1] ?? "";
    const stored = await running.store.store.read<AdapterPayload>(`interaction:${fingerprint(uid)}`);
    const { iat, exp, cid, ...interaction } = stored?.value ?? {};
    const plain = (value: string) =>
      value
        .replaceAll(uid || /$^/g, "{uid}")
        .replace(/(?<=\.sig=)[\w-]{43}/g, "{sig}")
        .replace(/(?<=expires=)[^;,]*, [^;]*/g, "{date}");
    const kept = [...answer.headers].filter(([name]) => !OWN.has(name) && name !== "set-cookie");
    const line = running.log
      .slice(mark)
      .find((entry) => entry.includes(answer.headers.get("x-request-id") ?? "?"));
    return {
      short: line?.includes('"way":"short"') ?? false,
      seen: {
        status: answer.status,
        headers: Object.fromEntries(kept.map(([name, value]) => [name, plain(value)])),
        cookies: answer.headers.getSetCookie().map(plain),
        text: plain(text).replace(/[0-9a-f-]{36}/, "{id}"),
        interaction: { ...interaction, cid: cid?.length, lasts: (exp ?? 0) - (iat ?? 0) },
      },
    };
  }

  /** A slash at the end of the path is understood by the library alone. */
  async function sameBeginning(query: string | URLSearchParams, headers: Headers = {}) {
    const [ours, theirs] = [await begin("/auth", query, headers), await begin("/auth/", query, headers)];
    expect(theirs.short).toBe(false);
    expect(ours.seen).toEqual(theirs.seen);
    return { status: ours.seen.status, short: ours.short };
  }

  const request = async (parameters: Record<string, string | undefined> = {}, of = app) =>
    new URL((await of.request(parameters)).url).searchParams;

  async function sameTokens(form: () => Promise<Form | string>, headers: Headers = basic()): Promise<Seen> {
    const ours = await redeem(await form(), headers);
    const theirs = await redeem(await form(), { ...headers, ...LONG });
    expect(theirs.short).toBe(false);
    expect(await alike(ours)).toEqual(await alike(theirs));
    return ours;
  }

  async function sameClaims(token: string, headers: Headers = {}): Promise<Seen> {
    const [ours, theirs] = [await me(token, headers), await me(token, { ...headers, ...LONG })];
    expect(theirs.short).toBe(false);
    expect({ ...ours, short: false }).toEqual(theirs);
    return ours;
  }

  const tokenOf = async (form: Form, of = app) => (await redeem(form, basic(of))).body.access_token as string;

  it("is taken by an ordinary code, and the tokens are the library's", async () => {
    const answer = await sameTokens(() => code());
    expect([answer.status, answer.short]).toEqual([200, true]);
  });

  it("is taken by an ordinary token, and the claims are the library's", async () => {
    for (const scope of ["openid", "openid email", "profile openid groups", "openid email profile groups"]) {
      const answer = await sameClaims(await tokenOf(await code(app, { scope })));
      expect([answer.status, answer.short]).toEqual([200, true]);
    }
  });

  it.each([
    ["a secret in the form", { authMethod: "post" }],
    ["a public app", { kind: "native", authMethod: "none" }],
    ["an app that is told about sign-outs", { backchannelLogoutUri: "https://app.example.com/logout" }],
  ] as const)("is taken by %s", async (_title, options) => {
    const of = await running.app({ firstParty: true, ...options });
    const own = of.secret === undefined ? {} : { client_secret: of.secret };
    const form = async () => ({ client_id: of.client.client_id, ...own, ...(await code(of)) });
    expect(await sameTokens(form, {})).toMatchObject({ status: 200, short: true });
  });

  it("leaves a refresh token to the library, and takes the token beside it, which outlives the session", async () => {
    const { body, ...answer } = await redeem(await code(app, { scope: "openid email offline_access" }));
    expect([answer.status, answer.short, typeof body.refresh_token]).toEqual([200, false, "string"]);
    const token = body.access_token as string;
    expect(await sameClaims(token)).toMatchObject({ status: 200, short: true });
    await jane.submit("/account/sign-out");
    expect(await sameClaims(token)).toMatchObject({ status: 200, short: true });
    await running.installation.accounts.disable(sub);
    expect(await sameClaims(token)).toMatchObject({ status: 401, short: false });
  });

  it("leaves single claims to the library", async () => {
    const claims = JSON.stringify({ userinfo: { email: null }, id_token: { email: null } });
    const answer = await redeem(await code(app, { claims }));
    expect([answer.status, answer.short]).toEqual([200, false]);
    expect(await sameClaims(answer.body.access_token as string)).toMatchObject({ status: 200, short: false });
  });

  it("leaves RS256 to the library", async () => {
    const of = await running.app({ idTokenAlg: "RS256" });
    expect(await sameTokens(() => code(of), basic(of))).toMatchObject({ status: 200, short: false });
  });

  it.each<[string, (form: Form) => Form | string, Headers?]>([
    ["a wrong verifier", (form) => ({ ...form, code_verifier: "x".repeat(43) })],
    ["a short verifier", (form) => ({ ...form, code_verifier: "x" })],
    ["no verifier", ({ code_verifier: _, ...form }) => form],
    ["another address", (form) => ({ ...form, redirect_uri: "http://localhost:1/other" })],
    ["no address", ({ redirect_uri: _, ...form }) => form],
    ["another code", (form) => ({ ...form, code: "x".repeat(43) })],
    ["another client's name", (form) => ({ ...form, client_id: "somebody" })],
    ["a parameter twice", (form) => `${new URLSearchParams(form)}&code=x`],
    ["a parameter twice, alike", (form) => `${new URLSearchParams(form)}&code=${form.code}`],
    ["a resource", (form) => ({ ...form, resource: "https://api.example.com" })],
    ["another grant", (form) => ({ ...form, grant_type: "password" })],
    ["two secrets", (form) => ({ ...form, client_secret: "x" })],
    ["a wrong secret", (form) => form, { authorization: `Basic ${btoa("x:y")}` }],
    ["no secret", (form) => form, {}],
    ["a secret that is no Basic", (form) => form, { authorization: "Bearer x" }],
    ["another site", (form) => form, { origin: "https://evil.example" }],
    ["a proof of possession", (form) => form, { dpop: "x" }],
    ["a certificate of its platform", (form) => form, { "oauth-client-attestation": "x" }],
    ["another type", (form) => form, { "content-type": "application/json" }],
  ])("refuses as the library does: %s", async (_title, change, headers) => {
    const sent = headers && Object.keys(headers).some((name) => name !== "authorization");
    const all = { ...(headers && !sent ? {} : basic()), ...headers };
    const answer = await sameTokens(async () => change(await code()), all);
    expect(answer.short).toBe(false);
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });

  it("SEC-86 refuses as the library does: another client's code, whoever names himself", async () => {
    const other = await running.app();
    const named = async () => ({ ...(await code()), client_id: other.client.client_id });
    for (const form of [code, named]) {
      const answer = await sameTokens(() => form(), basic(other));
      expect(answer).toMatchObject({ status: 400, short: false, body: { error: "invalid_grant" } });
    }
    expect(await redeem(await code())).toMatchObject({ status: 200, short: true });
  });

  it("refuses as the library does: a client by its name alone, or with a secret that is not its own", async () => {
    const { client_id: id } = app.client;
    const other = await running.app({ authMethod: "post" });
    const open = await running.app({ kind: "native", authMethod: "none" });
    const refused: [RelyingParty, Form, Headers][] = [
      [app, {}, { authorization: `Basic ${btoa(`${id}:${other.secret}`)}` }],
      [app, { client_id: id }, {}],
      [app, { client_id: id, client_secret: other.secret ?? "" }, {}],
      [other, { client_id: other.client.client_id }, {}],
      [other, { client_id: other.client.client_id, client_secret: app.secret ?? "" }, {}],
      [open, { client_id: open.client.client_id, client_secret: "x" }, {}],
    ];
    for (const [of, named, headers] of refused) {
      const answer = await sameTokens(async () => ({ ...(await code(of)), ...named }), headers);
      expect(answer).toMatchObject({ status: 401, short: false, body: { error: "invalid_client" } });
    }
  });

  it("takes an unknown parameter to the library, which ignores it", async () => {
    expect(await sameTokens(async () => ({ ...(await code()), x: "y" }))).toMatchObject({ status: 200 });
  });

  it("SEC-84 a code that was used comes to the library, which ends what came of it", async () => {
    const form = await code();
    const token = await tokenOf(form);
    expect(await redeem(form)).toMatchObject({ status: 400, short: false, body: { error: "invalid_grant" } });
    expect((await sameClaims(token)).status).toBe(401);
  });

  it("SEC-59 ends with the client, the session and the account, as the library's way does", async () => {
    const { accounts, clients } = running.installation;
    const other = await running.app();
    const [first, second] = [await tokenOf(await code()), await tokenOf(await code(other), other)];
    await clients.remove(other.client.client_id);
    await expect.poll(async () => (await sameClaims(second)).status).toBe(401);
    expect(await sameClaims(first)).toMatchObject({ status: 200, short: true });
    await jane.submit("/account/sign-out");
    expect(await sameClaims(first)).toMatchObject({ status: 401, short: false });

    await app.signIn(jane);
    const third = await tokenOf(await code());
    expect(await sameClaims(third)).toMatchObject({ status: 200, short: true });
    await accounts.disable(sub);
    expect(await sameClaims(third)).toMatchObject({ status: 401, short: false });
    await accounts.enable(sub);
    expect(await sameClaims(third)).toMatchObject({ status: 401, short: false });
  });

  it("gives members of an app's groups what the library gives them, and leaves it to refuse all others", async () => {
    const { accounts, clients } = running.installation;
    await accounts.joinGroup(sub, "staff");
    const of = await running.app({ groups: ["board", "staff"] });
    expect(await sameTokens(() => code(of), basic(of))).toMatchObject({ status: 200, short: true });
    const [held, late] = [await code(of), await code(of)];
    const token = await tokenOf(await code(of), of);
    expect(await sameClaims(token)).toMatchObject({ status: 200, short: true });
    await accounts.leaveGroup(sub, "staff");
    expect(await sameClaims(token)).toMatchObject({ status: 401, short: false });
    const forms = [held, late];
    const refused = await sameTokens(async () => forms.pop() as Form, basic(of));
    expect(refused).toMatchObject({ status: 400, short: false, body: { error: "invalid_grant" } });
    await clients.update(of.client.client_id, { groups: null });
    await expect.poll(async () => (await sameClaims(token)).status, { timeout: 1500 }).toBe(200);
    expect(await sameBeginning(await request({}, of))).toEqual({ status: 303, short: true });
  });

  it.each<[string, (form: Form) => Promise<unknown>]>([
    ["the account is disabled", () => running.installation.accounts.disable(sub)],
    ["the session has ended", () => jane.submit("/account/sign-out")],
  ])("a code gives nothing when %s before it is redeemed", async (_title, end) => {
    const forms = [await code(), await code()];
    await end(forms[0] as Form);
    expect(await sameTokens(async () => forms.pop() as Form)).toMatchObject({ status: 400, short: false });
  });

  const over = { exp: 1 };
  it.each<[string, { own?: object; session?: object; grant?: object }]>([
    ["is over", { own: over }],
    ["is bound to a key", { own: { jkt: "x".repeat(43), dpopJkt: "x".repeat(43) } }],
    ["hangs on a session that is over", { session: over }],
    ["hangs on a session that is somebody else's", { session: { accountId: "somebody" } }],
    ["hangs on a session that has left the app", { session: { authorizations: {} } }],
    ["hangs on a grant that is over", { grant: over }],
    ["hangs on a grant of another app", { grant: { clientId: "somebody" } }],
    ["hangs on a grant of another account", { grant: { accountId: "somebody" } }],
  ])("refuses as the library does what %s, though all of it is still there", async (_title, change) => {
    const { store } = running.store;
    const alter = async (key: Key, by: object = {}) =>
      store.write(key, { ...(await store.read<AdapterPayload>(key))?.value, ...by });
    const spoil = async (key: Key) => {
      const { grantId = "", sessionUid = "" } = (await store.read<AdapterPayload>(key))?.value ?? {};
      await alter(key, change.own);
      await alter(`session:${sessionUid}`, change.session);
      await alter(`grant:${fingerprint(grantId)}`, change.grant);
    };
    const [token, ...forms] = [await tokenOf(await code()), await code(), await code()];
    expect(await sameClaims(token)).toMatchObject({ status: 200, short: true });
    await spoil(`access:${fingerprint(token)}`);
    for (const form of forms) await spoil(`code:${fingerprint(form.code as string)}`);
    expect(await sameClaims(token)).toMatchObject({ status: 401, short: false });
    const answer = await sameTokens(async () => forms.pop() as Form);
    expect(answer).toMatchObject({ status: 400, short: false });
  });

  it("is taken by the beginning of a sign-in, which the library then goes on with", async () => {
    for (const parameters of [
      {},
      { scope: "openid email profile groups" },
      { nonce: undefined, state: undefined },
    ]) {
      expect(await sameBeginning(await request(parameters))).toEqual({ status: 303, short: true });
    }
    const native = await running.app({
      kind: "native",
      redirectUris: ["http://127.0.0.1/cb"],
      firstParty: false,
    });
    const anyPort = await request({ redirect_uri: "http://127.0.0.1:4567/cb" }, native);
    expect(await sameBeginning(anyPort)).toEqual({ status: 303, short: true });
  });

  it.each<[string, Record<string, string | undefined>]>([
    ["no scope", { scope: undefined }],
    ["a scope without openid", { scope: "email" }],
    ["an unknown scope", { scope: "openid unknown" }],
    ["a scope twice", { scope: "openid openid" }],
    ["offline access", { scope: "openid offline_access" }],
    ["a prompt", { prompt: "login" }],
    ["the creation of an account", { prompt: "create" }],
    ["no prompt at all", { prompt: "none" }],
    ["an age", { max_age: "0" }],
    ["a demanded acr", { acr_values: "phrh" }],
    ["single claims", { claims: JSON.stringify({ id_token: { acr: { essential: true } } }) }],
    ["a hint", { login_hint: "jane" }],
    ["a hint that is no token", { id_token_hint: "x" }],
    ["languages", { ui_locales: "de" }],
    ["a response mode", { response_mode: "form_post" }],
    ["a response mode that is refused", { response_mode: "fragment" }],
    ["a resource", { resource: "https://api.example.com" }],
    ["a request object", { request: "x" }],
    ["a pushed request", { request_uri: "urn:ietf:params:oauth:request_uri:x" }],
    ["a key of the client", { dpop_jkt: "x".repeat(43) }],
    ["another address", { redirect_uri: "http://localhost:1/other" }],
    ["no address", { redirect_uri: undefined }],
    ["another client", { client_id: "nobody" }],
    ["no client", { client_id: undefined }],
    ["an implicit flow", { response_type: "id_token" }],
    ["no response type", { response_type: undefined }],
    ["no challenge", { code_challenge: undefined, code_challenge_method: undefined }],
    ["a plain challenge", { code_challenge_method: "plain" }],
    ["no method", { code_challenge_method: undefined }],
    ["a short challenge", { code_challenge: "x" }],
    ["an empty state", { state: "" }],
    ["an unknown parameter", { x: "y" }],
  ])("leaves to the library what begins with %s", async (_title, parameters) => {
    expect((await sameBeginning(await request(parameters))).short).toBe(false);
  });

  it("leaves to the library what begins in another way", async () => {
    const plain = String(await request());
    for (const query of [
      `${plain}&state=x`,
      `${plain}?`,
      `${plain}&state=%ff`,
      `${plain}&constructor=x`,
      "",
    ]) {
      expect((await sameBeginning(query)).short).toBe(false);
    }
    const cookie = jane.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
    expect((await begin("/auth", plain, { cookie })).short).toBe(false);
    expect((await begin("/auth", plain, { accept: "application/json" })).short).toBe(false);
    const limited = await running.app({ scopes: ["openid"] });
    expect((await sameBeginning(await request({}, limited))).short).toBe(false);
  });

  it("SEC-127 leaves to the library what names another host, or says twice what counts once", async () => {
    const { host } = new URL(running.issuer);
    const token = await tokenOf(await code());
    const form = new URLSearchParams(await code()).toString();
    const send = async (line: string, ...headers: string[]) => {
      const mark = running.log.length;
      const posted = line.startsWith("POST") ? [`content-length: ${form.length}`, "", form] : ["", ""];
      const head = [`${line} HTTP/1.1`, ...headers, "connection: close"];
      const status = statusOf(await exchange(running.issuer, [...head, ...posted].join("\r\n")));
      return [status, running.log.slice(mark).some((entry) => entry.includes('"way":"short"'))];
    };
    const [right, wrong] = [`host: ${host}`, "host: evil.test"];
    const bearer = `authorization: Bearer ${token}`;
    const client = Object.entries(basic()).map(([name, value]) => `${name}: ${value}`);
    const type = "content-type: application/x-www-form-urlencoded";
    const begins = [`GET /auth?${await request()}`, "accept: text/html"] as const;
    for (const [line, ...headers] of [
      ["GET /me", bearer],
      ["POST /token", type, ...client],
      begins,
    ] as const) {
      expect(await send(line, wrong, ...headers)).toEqual([421, false]);
      expect(await send(line, right, wrong, ...headers)).toEqual([421, false]);
    }
    expect(await send("GET /me", right, bearer, "authorization: Bearer x")).toEqual([200, false]);
    expect(await send("GET /me", right, bearer)).toEqual([200, true]);
    expect(await send("POST /token", right, type, type, "authorization: Basic eDp5")).toEqual([401, false]);
    expect(await send("POST /token", right, type, ...client, "authorization: Basic eDp5")).toEqual([
      200,
      false,
    ]);
    expect(await send(begins[0], right, begins[1])).toEqual([303, true]);
  });

  it("SEC-9 counts beginnings for their address", async () => {
    const few = await startInstallation(kind, { limits: { ceremonies: "3/1m", signUps: "3/1m" } });
    const { url } = await (await few.app()).request();
    const asked = () => fetch(url, { redirect: "manual", headers: { accept: "text/html" } });
    const statuses = [];
    for (let turn = 0; turn < 5; turn++) statuses.push((await asked()).status);
    await few.stop();
    expect(statuses).toEqual([303, 303, 303, 429, 429]);
  });

  it("leaves tokens in other places, other addresses and other methods to the library", async () => {
    const token = await tokenOf(await code());
    const bearer = { authorization: `Bearer ${token}` };
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const asked = [
      ask("/me/", { headers: bearer }),
      ask("/ME", { headers: bearer }),
      ask("/me?scope=openid", { headers: bearer }),
      ask("/me", { headers: { authorization: `bearer ${token}` } }),
      ask("/me", { headers: { ...form }, method: "POST", body: `access_token=${token}` }),
    ];
    for (const answer of await Promise.all(asked))
      expect(answer).toMatchObject({ status: 200, short: false });
    for (const wrong of ["x", "x".repeat(43), `${token} x`, `${token},x`])
      expect((await sameClaims(wrong)).short).toBe(false);
    expect((await sameClaims(token, { origin: "https://evil.example" })).status).toBe(400);
  });

  it("answers 503 when the tokens cannot be written, and nothing else", async () => {
    const form = await code();
    failing = true;
    const answer = await redeem(form).finally(() => {
      failing = false;
    });
    expect(answer).toMatchObject({ status: 503, short: false, body: { code: "store_unavailable" } });
    expect(answer.headers).toHaveProperty("retry-after");
    expect(await redeem(form)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
  });

  it("leaves large and unmeasured bodies to the library", async () => {
    const form = async () => `${new URLSearchParams(await code())}&x=${"y".repeat(9000)}`;
    expect(await sameTokens(form)).toMatchObject({ status: 200, short: false });
    const stream = new Blob([new URLSearchParams(await code()).toString()]).stream();
    const headers = { "content-type": "application/x-www-form-urlencoded", ...basic() };
    const init = { method: "POST", body: stream, duplex: "half", headers } as const;
    expect(await ask("/token", init)).toMatchObject({ status: 200, short: false });
  });
});
