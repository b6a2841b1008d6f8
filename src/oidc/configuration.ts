/**
 * The library's configuration with every risky default changed. What stands here is what makes us a provider of our
 * own; what a plugin brings to somebody else's provider is in `contribution.ts`.
 */
import { type Client, type Configuration, errors, type KoaContextWithOIDC } from "oidc-provider";
import { type Clock, epoch } from "../clock.ts";
import { type AdapterDependencies, adapterFactory, CLOCK_TOLERANCE } from "./adapter.ts";
import { isFirstParty, mayReadFrom, requiresPkce } from "./client/facts.ts";
import { EXTRA_CLIENT_METADATA } from "./client/metadata.ts";
import { findAccount } from "./contribution.ts";
import type { CookieKeys } from "./cookie-keys.ts";
import type { SigningKey } from "./keys.ts";
import { lifetimes } from "./lifetimes.ts";
import { SCOPE_CLAIMS } from "./scopes.ts";

/** Pages the library asks for at its own endpoints. */
export interface LibraryPages {
  error(
    ctx: KoaContextWithOIDC,
    out: { error: string; error_description?: string },
    error: Error,
  ): Promise<void>;
  logout(ctx: KoaContextWithOIDC, form: string): Promise<void>;
  loggedOut(ctx: KoaContextWithOIDC): Promise<void>;
  deviceCode(ctx: KoaContextWithOIDC, form: string, error: unknown): Promise<void>;
  deviceConfirm(ctx: KoaContextWithOIDC, form: string, userCode: string): Promise<void>;
  deviceDone(ctx: KoaContextWithOIDC): Promise<void>;
}

export interface ProviderSettings extends AdapterDependencies {
  issuer: URL;
  keys: SigningKey[];
  cookieKeys: CookieKeys;
  /** 32 bytes, the same on every instance. */
  nonceSecret: Buffer;
  pages: LibraryPages;
}

const ASSERTION_SECONDS = 60 * 60;
const FETCH_LIMIT = 64 * 1024;

/** Everything `new Provider(issuer, …)` takes for the server's own provider. */
export function serverConfiguration(settings: ProviderSettings): Configuration {
  const { issuer, pages } = settings;
  return {
    adapter: adapterFactory(settings),
    jwks: { keys: settings.keys },
    clientDefaults: { id_token_signed_response_alg: "ES256", grant_types: ["authorization_code"] },
    clientAuthMethods: ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
    extraClientMetadata: { properties: [...EXTRA_CLIENT_METADATA] },
    responseTypes: ["code"],
    pkce: { required: (_ctx, client) => requiresPkce(client) },
    allowOmittingSingleRegisteredRedirectUri: false,
    clockTolerance: CLOCK_TOLERANCE,
    cookies: cookies(issuer, settings.cookieKeys),
    ttl: lifetimes(settings.clock),
    scopes: ["openid", "offline_access"],
    claims: SCOPE_CLAIMS,
    rotateRefreshToken: true,
    issueRefreshToken: async (_ctx, client, code) => issuesRefreshToken(client, code.scopes),
    extraParams: { offline_access: keepOfflineAccess },
    clientBasedCORS: (_ctx, origin, client) => mayReadFrom(client, origin),
    assertJwtClientAuthClaimsAndHeader: (_ctx, claims) => assertShortLived(settings.clock, claims),
    // The library destroys sockets to private addresses; apps under development are at localhost.
    ...(issuer.hostname === "localhost" ? { fetch: fetchAnywhere } : {}),
    fetchResponseBodyLimits: { jwks_uri: FETCH_LIMIT, sector_identifier_uri: FETCH_LIMIT },
    renderError: (ctx, out, error) => pages.error(ctx, out as { error: string }, error),
    features: features(settings),
  };
}

/** An app that has the grant and was given `offline_access`. */
export function issuesRefreshToken(client: Client, scopes: ReadonlySet<string>): boolean {
  return client.grantTypeAllowed("refresh_token") && scopes.has("offline_access");
}

function features({ pages, nonceSecret, unit }: ProviderSettings): NonNullable<Configuration["features"]> {
  const account = findAccount({ unit });
  return {
    devInteractions: { enabled: false },
    claimsParameter: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: {
      enabled: true,
      // Only the client a token was issued to may ask about it; of an account that is not active nothing is.
      allowedPolicy: async (ctx, client, token) =>
        client.clientAuthMethod !== "none" &&
        token.clientId === client.clientId &&
        (!("accountId" in token) || (await account(ctx, token.accountId, token as never)) !== undefined),
    },
    revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    backchannelLogout: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    dPoP: { enabled: true, nonceSecret },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => {
        throw new errors.InvalidTarget("no such resource");
      },
    },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => pages.logout(ctx, form),
      postLogoutSuccessSource: (ctx) => pages.loggedOut(ctx),
    },
    deviceFlow: {
      enabled: true,
      charset: "base-20",
      mask: "****-****",
      userCodeInputSource: (ctx, form, _out, error) => pages.deviceCode(ctx, form, error),
      userCodeConfirmSource: (ctx, form, _client, _device, userCode) =>
        pages.deviceConfirm(ctx, form, userCode),
      successSource: (ctx) => pages.deviceDone(ctx),
    },
  };
}

/** `__Host-` and `__Secure-` (RFC 6265bis, section 4.1.3) wherever there is TLS. */
function cookies(issuer: URL, keys: CookieKeys): Configuration["cookies"] {
  const secure = issuer.protocol === "https:";
  const attributes = { signed: true, httpOnly: true, sameSite: "lax", secure, overwrite: true } as const;
  return {
    keys,
    names: {
      session: `${secure ? "__Host-" : ""}latchkey`,
      interaction: `${secure ? "__Secure-" : ""}latchkey_interaction`,
      resume: `${secure ? "__Secure-" : ""}latchkey_resume`,
    },
    long: attributes,
    short: attributes,
  };
}

/**
 * The library drops `offline_access` unless the request says `prompt=consent`. A first-party app has no consent to
 * ask for, so what it requested is put back, before the request is stored or answered.
 */
async function keepOfflineAccess(ctx: KoaContextWithOIDC): Promise<void> {
  const { client, params } = ctx.oidc;
  // A code in a fragment is a code in every script of the page (RFC 9700, section 4.3); nothing we issue needs it.
  if (params?.response_mode === "fragment") throw new errors.UnsupportedResponseMode();
  if (!client || !params || !isFirstParty(client) || !client.grantTypeAllowed("refresh_token")) return;
  const requested = requestedScope(ctx).split(" ");
  const kept = typeof params.scope === "string" ? params.scope.split(" ") : [];
  if (requested.includes("offline_access") && !kept.includes("offline_access")) {
    params.scope = [...kept, "offline_access"].join(" ");
  }
}

/** The scope as the app sent it: in the address, in the body, or in the request it pushed before. */
function requestedScope(ctx: KoaContextWithOIDC): string {
  const pushed = ctx.oidc.entities.PushedAuthorizationRequest?.request;
  const source = pushed ? payloadOf(pushed) : { ...ctx.query, ...(ctx.oidc.body as object | undefined) };
  return typeof source.scope === "string" ? source.scope : "";
}

/** A pushed request is kept as a JWT that the library made or has verified. */
function payloadOf(jwt: string): { scope?: unknown } {
  return JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString("utf8") || "{}");
}

function fetchAnywhere(
  input: string | URL | Request,
  init?: RequestInit & { dispatcher?: unknown },
): Promise<Response> {
  const { dispatcher: _, ...rest } = init ?? {};
  return fetch(input, rest);
}

/** Each assertion is remembered until it ends, so that it works once; none may have that last for ever. */
async function assertShortLived(clock: Clock, { exp }: Record<string, unknown>): Promise<void> {
  if (typeof exp === "number" && exp > epoch(clock) + ASSERTION_SECONDS) {
    throw new errors.InvalidClientAuth(`expires more than ${ASSERTION_SECONDS} seconds from now`);
  }
}
