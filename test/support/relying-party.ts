/** An app's side of OpenID Connect, by an independent library (`oauth4webapi`) that checks everything it can. */
import * as oauth from "oauth4webapi";
import type { ClientInput, Clients } from "../../src/oidc/client/clients.ts";
import type { Answer, Browser } from "./browser.ts";

export type RelyingPartyOptions = Partial<ClientInput>;

export interface Tokens {
  idToken: oauth.IDToken & Record<string, unknown>;
  response: oauth.TokenEndpointResponse;
}

/** A request that is under way. */
export interface Request {
  url: string;
  verifier: string;
  state: string;
  nonce: string;
}

const insecure = { [oauth.allowInsecureRequests]: true } as const;

export class RelyingParty {
  readonly as: oauth.AuthorizationServer;
  readonly client: oauth.Client;
  readonly redirectUri: string;
  readonly #auth: oauth.ClientAuth;
  readonly secret: string | undefined;

  private constructor(
    as: oauth.AuthorizationServer,
    { id, secret, authMethod }: { id: string; secret: string | undefined; authMethod?: string },
    redirectUri: string,
  ) {
    this.as = as;
    this.client = { client_id: id };
    this.redirectUri = redirectUri;
    this.secret = secret;
    const withSecret = authMethod === "post" ? oauth.ClientSecretPost : oauth.ClientSecretBasic;
    this.#auth = secret === undefined ? oauth.None() : withSecret(secret);
  }

  static async register(
    issuer: string,
    clients: Clients,
    options: RelyingPartyOptions = {},
  ): Promise<RelyingParty> {
    const redirectUri = options.redirectUris?.[0] ?? "http://localhost:1/cb";
    const redirectUris = options.kind === "machine" ? [] : [redirectUri];
    const added = await clients.add({ name: "Example app", firstParty: true, redirectUris, ...options });
    const { client, secret } = added;
    const known = { id: client.id, secret, authMethod: client.authMethod };
    return new RelyingParty(await discovered(issuer), known, redirectUri);
  }

  /** An app that is registered already. */
  static async known(issuer: string, id: string, secret: string, redirectUri: string): Promise<RelyingParty> {
    return new RelyingParty(await discovered(issuer), { id, secret }, redirectUri);
  }

  /** An authorization request with PKCE; `parameters` are added, `undefined` takes one away. */
  async request(parameters: Record<string, string | undefined> = {}): Promise<Request> {
    const verifier = oauth.generateRandomCodeVerifier();
    const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
    const all: Record<string, string | undefined> = {
      client_id: this.client.client_id,
      redirect_uri: this.redirectUri,
      response_type: "code",
      scope: "openid",
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state,
      nonce,
      ...parameters,
    };
    const query = new URLSearchParams(
      Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    return { url: `${this.as.authorization_endpoint}?${query}`, verifier, state, nonce };
  }

  /** The code from the address the browser was sent to. @throws what the answer says when it is an error */
  callback(request: Request, { url }: Answer): URLSearchParams {
    return oauth.validateAuthResponse(this.as, this.client, new URL(url), request.state);
  }

  /** The error the browser brought back, in an answer that is otherwise right (state, `iss`). */
  error(request: Request, answer: Answer): string {
    try {
      this.callback(request, answer);
    } catch (error) {
      if (error instanceof oauth.AuthorizationResponseError) return error.error;
      throw error;
    }
    throw new Error(`no error: ${answer.url}`);
  }

  /** Posts a form to an endpoint as this client, whatever the form says. */
  async post(
    endpoint: string,
    form: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const body = new URLSearchParams({ client_id: this.client.client_id, ...form });
    const credentials = btoa(`${this.client.client_id}:${this.secret}`);
    const basic = this.secret === undefined ? {} : { authorization: `Basic ${credentials}` };
    return fetch(new URL(endpoint, this.as.issuer), {
      method: "POST",
      body,
      headers: { ...basic, ...headers },
    });
  }

  /** Goes through the request in a browser that has a passkey or a session, and gives the code's answer unjudged. */
  async authorize(
    browser: Browser,
    parameters: Record<string, string | undefined> = {},
  ): Promise<[Request, Answer]> {
    const request = await this.request(parameters);
    const page = await browser.open(request.url);
    return [request, page.status === 200 ? await browser.complete(page) : page];
  }

  /** Posts the code once, unjudged. */
  async redeem(request: Request, parameters: URLSearchParams): Promise<Response> {
    return oauth.authorizationCodeGrantRequest(
      this.as,
      this.client,
      this.#auth,
      parameters,
      this.redirectUri,
      request.verifier,
      insecure,
    );
  }

  /** Redeems the code of the browser's last stop, and judges the tokens. */
  async tokens(request: Request, answer: Answer, o: { maxAge?: number } = {}): Promise<Tokens> {
    const response = await oauth.processAuthorizationCodeResponse(
      this.as,
      this.client,
      await this.redeem(request, this.callback(request, answer)),
      {
        expectedNonce: request.nonce,
        requireIdToken: true,
        ...(o.maxAge === undefined ? {} : { maxAge: o.maxAge }),
      },
    );
    return { response, idToken: oauth.getValidatedIdTokenClaims(response) as Tokens["idToken"] };
  }

  async refresh(refreshToken: string): Promise<Response> {
    return oauth.refreshTokenGrantRequest(this.as, this.client, this.#auth, refreshToken, insecure);
  }

  async userinfo(accessToken: string): Promise<Response> {
    return oauth.userInfoRequest(this.as, this.client, accessToken, insecure);
  }

  /** A whole sign-in in a browser that has a passkey, or a session. */
  async signIn(browser: Browser, parameters: Record<string, string | undefined> = {}): Promise<Tokens> {
    return this.tokens(...(await this.authorize(browser, parameters)));
  }

  /** A whole sign-up with `prompt=create`. */
  async signUp(browser: Browser, fields: Record<string, string> = {}): Promise<Tokens> {
    const request = await this.request({ prompt: "create" });
    const page = await browser.open(request.url);
    return this.tokens(request, await browser.complete(page, fields));
  }
}

async function discovered(issuer: string): Promise<oauth.AuthorizationServer> {
  const url = new URL(issuer);
  return oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, insecure));
}
