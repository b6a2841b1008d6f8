/** An app on an origin of its own: a web server that signs people in with `openid-client`, and a page that does it by itself. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import * as oidc from "openid-client";
import type { ClientInput } from "../../src/oidc/client/clients.ts";
import type { Running } from "../support/installation.ts";

/** How the app asks; whatever else the request shall say. */
type Parameters = Record<string, string>;

export interface App {
  readonly name: string;
  readonly origin: string;
  readonly clientId: string;
  /** Where a sign-in begins. */
  login(parameters?: Parameters): string;
  /** What the last sign-in told the app. */
  claims(): Record<string, unknown>;
  close(): Promise<void>;
}

interface Attempt {
  verifier: string;
  nonce: string;
}

/** Registers an app with the provider and opens it at `http://127.0.0.1`, for the browser another site than `localhost`. */
export async function openApp(running: Running, input: Partial<ClientInput> = {}): Promise<App> {
  const attempts = new Map<string, Attempt>();
  let signedIn: { idToken: string; claims: Record<string, unknown> } | undefined;
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => response.writeHead(500).end(String(error)));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const name = input.name ?? "Wiki";
  const { client, secret } = await running.installation.clients.add({
    name,
    firstParty: true,
    redirectUris: [input.kind === "spa" ? `${origin}/page` : `${origin}/cb`],
    postLogoutRedirectUris: [`${origin}/goodbye`],
    ...input,
  });
  const provider = await oidc.discovery(new URL(running.issuer), client.id, secret, undefined, {
    execute: [oidc.allowInsecureRequests],
  });

  async function begin(parameters: Parameters): Promise<string> {
    const attempt = { verifier: oidc.randomPKCECodeVerifier(), nonce: oidc.randomNonce() };
    const state = oidc.randomState();
    attempts.set(state, attempt);
    return oidc.buildAuthorizationUrl(provider, {
      redirect_uri: `${origin}/cb`,
      scope: "openid profile email",
      code_challenge: await oidc.calculatePKCECodeChallenge(attempt.verifier),
      code_challenge_method: "S256",
      state,
      nonce: attempt.nonce,
      ...parameters,
    }).href;
  }

  /** The provider's answer, in the address or as a form. */
  async function finish(answered: Request): Promise<string> {
    const form = answered.method === "POST" ? await answered.clone().formData() : undefined;
    const state = String(form?.get("state") ?? new URL(answered.url).searchParams.get("state"));
    const { verifier = "", nonce = "" } = attempts.get(state) ?? {};
    attempts.delete(state);
    try {
      const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce };
      const tokens = await oidc.authorizationCodeGrant(provider, answered, checks);
      const claims = tokens.claims() as unknown as Record<string, unknown>;
      const userinfo = await oidc.fetchUserInfo(provider, tokens.access_token, String(claims.sub));
      signedIn = { idToken: tokens.id_token ?? "", claims: { ...userinfo, ...claims } };
      return html(name, "<h1>Welcome</h1>", "opener?.postMessage('welcome', location.origin)");
    } catch (error) {
      if (!(error instanceof oidc.AuthorizationResponseError)) throw error;
      return html(name, `<h1>Not signed in</h1><p>${error.error}</p>`);
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", origin);
    const leave = (location: string) => response.writeHead(303, { location }).end();
    const show = (page: string) => response.writeHead(200, { "content-type": "text/html" }).end(page);
    switch (url.pathname) {
      case "/":
        return void show(html(name, `<h1>${name}</h1>${frontPage}`, opensWindow));
      case "/page":
        return void show(html(name, "<h1>Page</h1><p></p>", inPage(running.issuer, client.id, url)));
      case "/login":
        return void leave(await begin(Object.fromEntries(url.searchParams)));
      case "/cb":
        return void show(await finish(await toRequest(request, url)));
      case "/sign-out": {
        const told = {
          id_token_hint: signedIn?.idToken ?? "",
          post_logout_redirect_uri: `${origin}/goodbye`,
        };
        return void leave(oidc.buildEndSessionUrl(provider, told).href);
      }
      case "/goodbye":
        return void show(html(name, "<h1>Goodbye</h1>"));
      default:
        response.writeHead(204).end();
    }
  }

  return {
    name,
    origin,
    clientId: client.id,
    login: (parameters = {}) => `${origin}/login?${new URLSearchParams(parameters)}`,
    claims: () => signedIn?.claims ?? {},
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function toRequest(request: IncomingMessage, url: URL): Promise<Request> {
  if (request.method !== "POST") return new Request(url);
  const headers = { "content-type": request.headers["content-type"] ?? "" };
  return new Request(url, { method: "POST", headers, body: await text(request) });
}

function html(title: string, body: string, script = ""): string {
  return `<!doctype html><html lang="en"><title>${title}</title>${body}<script type="module">${script}</script></html>`;
}

const frontPage = '<a href="/login">Sign in</a> <button>Sign in in a window</button>';

/** Signs people in through a window of its own. */
const opensWindow = `
  document.querySelector("button").onclick = () => open("/login", "sign-in", "popup,width=500,height=700");
  addEventListener("message", ({ data, origin }) => {
    if (origin === location.origin) document.querySelector("h1").textContent = data;
  });`;

/** A page that is an app by itself: it redeems its code and asks for the claims from where it is, with no secret. */
function inPage(issuer: string, clientId: string, url: URL): string {
  const code = url.searchParams.get("code");
  const redirect = `${url.origin}/page`;
  if (code === null) {
    return `
      const base64url = (bytes) =>
        btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
      const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
      sessionStorage.setItem("verifier", verifier);
      const challenge = base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
      location.assign("${issuer}/auth?" + new URLSearchParams({
        client_id: "${clientId}", redirect_uri: "${redirect}", response_type: "code", scope: "openid email",
        code_challenge: challenge, code_challenge_method: "S256", state: "s" }));`;
  }
  return `
    const { token_endpoint, userinfo_endpoint } =
      await (await fetch("${issuer}/.well-known/openid-configuration")).json();
    const body = new URLSearchParams({
      grant_type: "authorization_code", client_id: "${clientId}", redirect_uri: "${redirect}",
      code: ${JSON.stringify(code)}, code_verifier: sessionStorage.getItem("verifier") });
    const { access_token } = await (await fetch(token_endpoint, { method: "POST", body })).json();
    const claims = await (await fetch(userinfo_endpoint, { headers: { authorization: "Bearer " + access_token } })).json();
    document.querySelector("p").textContent = claims.email;`;
}
