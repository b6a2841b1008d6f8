/** What stands in for the app: the authorization request, the exchange of the code, the check of the ID token, userinfo. */
import { createHash, createPublicKey, randomBytes, verify } from "node:crypto";
import { exchange } from "./browser.js";

const callback = "https://app.example/callback";

/** An app registered at `issuer`; reads discovery and keys once. */
export class App {
  #agent;
  #keys = new Map();
  #basic;

  constructor(agent, issuer, { id, secret, redirectUri = callback, extra = {}, userinfo = true }) {
    this.#agent = agent;
    this.issuer = issuer;
    this.id = id;
    this.redirectUri = redirectUri;
    this.extra = extra;
    this.userinfo = userinfo;
    this.#basic = `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString("base64")}`;
  }

  async discover(path = "/.well-known/openid-configuration") {
    const read = async (url) => JSON.parse((await exchange(this.#agent, new URL(url))).body);
    this.metadata = await read(this.issuer + path);
    for (const jwk of (await read(this.metadata.jwks_uri)).keys)
      this.#keys.set(jwk.kid, createPublicKey({ key: jwk, format: "jwk" }));
    return this;
  }

  /** A new authorization request: where to send the browser, and what must be remembered of it. */
  ask(scope = "openid email profile", more = {}) {
    const verifier = randomBytes(32).toString("base64url");
    const url = new URL(this.metadata.authorization_endpoint);
    const request = {
      client_id: this.id,
      redirect_uri: this.redirectUri,
      response_type: "code",
      scope,
      state: randomBytes(12).toString("base64url"),
      nonce: randomBytes(12).toString("base64url"),
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
      ...this.extra,
      ...more,
    };
    for (const [name, value] of Object.entries(request)) url.searchParams.set(name, value);
    return { url, verifier, ...request };
  }

  /** Takes the code out of where the browser was sent. */
  codeFrom(location, asked) {
    const arrived = new URL(location);
    if (!location.startsWith(this.redirectUri))
      throw new Error(`not the app's address: ${arrived.origin}${arrived.pathname}`);
    if (arrived.searchParams.get("state") !== asked.state)
      throw new Error(`state is not the one sent: ${arrived.search}`);
    const code = arrived.searchParams.get("code");
    if (!code) throw new Error(`no code: ${arrived.search}`);
    return code;
  }

  redeem(code, asked, verifier = asked.verifier) {
    return this.#token({
      grant_type: "authorization_code",
      code,
      redirect_uri: this.redirectUri,
      code_verifier: verifier,
      ...this.extra,
    });
  }

  refresh(token) {
    return this.#token({ grant_type: "refresh_token", refresh_token: token });
  }

  /** Redeems the code, checks the ID token (signature, issuer, audience, nonce), asks userinfo. */
  async finish(code, asked) {
    const answer = await this.redeem(code, asked);
    if (answer.status !== 200) throw new Error(`token endpoint: ${answer.status} ${answer.body}`);
    const tokens = JSON.parse(answer.body);
    const claims = this.#claims(tokens.id_token, asked);
    if (this.userinfo) await this.#userinfo(tokens.access_token, claims.sub);
    return { tokens, claims };
  }

  async #userinfo(token, subject) {
    const answer = await this.me(token);
    if (answer.status !== 200) throw new Error(`userinfo: ${answer.status} ${answer.body}`);
    if (JSON.parse(answer.body).sub !== subject) throw new Error("userinfo is about somebody else");
  }

  me(token) {
    return exchange(this.#agent, new URL(this.metadata.userinfo_endpoint), {
      headers: { authorization: `Bearer ${token}` },
    });
  }

  #token(form) {
    const headers = {
      authorization: this.#basic,
      "content-type": "application/x-www-form-urlencoded",
      accept: "application/json",
    };
    return exchange(this.#agent, new URL(this.metadata.token_endpoint), {
      method: "POST",
      headers,
      body: new URLSearchParams(form).toString(),
    });
  }

  #claims(token, asked) {
    const [header, payload, signature] = token.split(".");
    const { alg, kid } = JSON.parse(Buffer.from(header, "base64url"));
    if (alg !== "ES256") throw new Error(`ID token signed with ${alg}`);
    const key = { key: this.#keys.get(kid), dsaEncoding: "ieee-p1363" };
    if (!verify("sha256", Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, "base64url")))
      throw new Error("ID token: bad signature");
    const claims = JSON.parse(Buffer.from(payload, "base64url"));
    const right =
      claims.iss === this.metadata.issuer &&
      [claims.aud].flat().includes(this.id) &&
      claims.nonce === asked.nonce;
    if (!right) throw new Error("ID token: wrong issuer, audience or nonce");
    return claims;
  }
}
