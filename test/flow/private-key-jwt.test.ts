/** Apps that prove themselves with a signature (RFC 7523), their public keys given when they were registered. */
import { exportJWK } from "jose";
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import type { PublicJwk } from "../../src/oidc/client/clients.ts";
import type { Browser } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { stores } from "../support/stores.ts";

const insecure = { [oauth.allowInsecureRequests]: true };
type Claims = Record<string, unknown>;
type Signed = [app: RelyingParty, key: CryptoKey];

async function registered(running: Running, alg: string, options: object = {}): Promise<Signed> {
  const { publicKey, privateKey } = await oauth.generateKeyPair(alg);
  const jwks = { keys: [(await exportJWK(publicKey)) as PublicJwk] };
  return [await running.app({ authMethod: "private_key_jwt", jwks, ...options }), privateKey];
}

/** Signs as the library does, with claims changed; `sent` gets what was signed. */
function assertion(key: CryptoKey, change: Claims = {}, sent: string[] = []): oauth.ClientAuth {
  const modify = (_: unknown, claims: Claims) => void Object.assign(claims, change);
  const sign = oauth.PrivateKeyJwt(key, { [oauth.modifyAssertion]: modify });
  return async (as, client, body, headers) => {
    await sign(as, client, body, headers);
    sent.push(String(body.get("client_assertion")));
  };
}

/** Sends an assertion that was signed before. */
const again =
  (sent: readonly string[]): oauth.ClientAuth =>
  (_as, _client, body) => {
    body.set("client_assertion", sent[0] ?? "");
    body.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
  };

/** Somebody signs in; what is done with the code is up to the app's proof. */
async function signIn(app: RelyingParty, browser: Browser) {
  const [request, answer] = await app.authorize(browser);
  const redeem = (auth: oauth.ClientAuth) =>
    oauth.authorizationCodeGrantRequest(
      app.as,
      app.client,
      auth,
      app.callback(request, answer),
      app.redirectUri,
      request.verifier,
      insecure,
    );
  const tokens = async (auth: oauth.ClientAuth) =>
    oauth.processAuthorizationCodeResponse(app.as, app.client, await redeem(auth), {
      expectedNonce: request.nonce,
      requireIdToken: true,
    });
  return { redeem, tokens };
}

async function refused(answer: Response): Promise<void> {
  expect(answer.status).toBe(401);
  expect(await answer.json()).toMatchObject({ error: "invalid_client" });
}

describe.each(stores)("private_key_jwt over $name", (kind) => {
  let running: Running;
  let jane: Browser;
  let app: RelyingParty;
  let key: CryptoKey;

  beforeAll(async () => {
    running = await startInstallation(kind);
    jane = running.browser();
    await (await running.app()).signUp(jane, { email: "jane@example.com" });
    [app, key] = await registered(running, "ES256");
  });
  afterAll(() => running.stop());

  it.each(["ES256", "Ed25519", "RS256", "PS256"])("signs in with an %s key", async (alg) => {
    const [signed, own] = await registered(running, alg);
    const { tokens } = await signIn(signed, jane);
    const response = await tokens(assertion(own));
    expect(oauth.getValidatedIdTokenClaims(response)?.aud).toBe(signed.client.client_id);
    expect((await signed.userinfo(response.access_token)).status).toBe(200);
  });

  it("SEC-95 an assertion is good once: the code waits for a fresh one", async () => {
    const sent: string[] = [];
    await (await signIn(app, jane)).tokens(assertion(key, {}, sent));
    const { redeem, tokens } = await signIn(app, jane);
    await refused(await redeem(again(sent)));
    expect((await tokens(assertion(key))).id_token).toBeDefined();
  });

  it("SEC-95 of twenty who bring one assertion at once, one is answered", async () => {
    const [machine, own] = await registered(running, "ES256", { kind: "machine" });
    const sent: string[] = [];
    const ask = (auth: oauth.ClientAuth) =>
      oauth.clientCredentialsGrantRequest(machine.as, machine.client, auth, {}, insecure);
    expect((await ask(assertion(own, {}, sent))).status).toBe(200);
    const fresh: string[] = [];
    await assertion(own, {}, fresh)(machine.as, machine.client, new URLSearchParams(), new Headers());
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(again(fresh))));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const { status } of answers) expect([200, 400, 401]).toContain(status);
    await refused(await ask(again(sent)));
  });

  it.each([
    ["another provider", () => ({ aud: "https://id.example.com" })],
    ["a list of others", () => ({ aud: ["https://id.example.com", `${app.as.issuer}/me`] })],
    ["nobody", () => ({ aud: undefined })],
  ])("SEC-95 an assertion for %s is refused", async (_, change) => {
    const { redeem, tokens } = await signIn(app, jane);
    await refused(await redeem(assertion(key, change())));
    const accepted = { aud: ["https://id.example.com", app.as.token_endpoint] };
    expect((await tokens(assertion(key, accepted))).id_token).toBeDefined();
  });

  it.each([
    ["without an end", { exp: undefined }],
    ["past its end", { exp: 1 }],
    ["that would last for more than an hour", { exp: Math.floor(Date.now() / 1000) + 3700 }],
    ["without a jti", { jti: undefined }],
    ["of another app", { iss: "other" }],
  ])("SEC-95 an assertion %s is refused", async (_, change) => {
    const { redeem, tokens } = await signIn(app, jane);
    await refused(await redeem(assertion(key, change)));
    expect((await tokens(assertion(key))).id_token).toBeDefined();
  });

  it("SEC-92 only a registered key signs: not another app's, not a secret, and not none at all", async () => {
    const [, strange] = await registered(running, "ES256");
    const { redeem, tokens } = await signIn(app, jane);
    await refused(await redeem(assertion(strange)));
    await refused(await redeem(oauth.ClientSecretBasic("secret")));
    await refused(await redeem(oauth.ClientSecretJwt("a secret of the app's own making, long enough")));
    await refused(await redeem(oauth.None()));
    expect((await tokens(assertion(key))).id_token).toBeDefined();
  });
});
