/** What we know of a client besides what the library knows: our own metadata, which its client object keeps as it is. */
import type { Client } from "oidc-provider";

/** Belongs to the operator; asks for no consent. */
export function isFirstParty(client: Client | undefined): boolean {
  return client?.first_party === true;
}

/** Everybody brings PKCE, but for a confidential client that was registered without. */
export function requiresPkce(client: Client): boolean {
  return client.require_pkce !== false || client.clientAuthMethod === "none";
}

/**
 * Whether a web page may read the answers of the token and userinfo endpoints (CORS): the origins a single-page app
 * was registered with. A confidential client has none, its secret has no place in a page.
 */
export function mayReadFrom(client: Client, origin: string): boolean {
  return Array.isArray(client.origins) && client.origins.includes(origin);
}

/** Where an app starts a sign-in: the address it registered for that (third-party initiated login), else its front page. */
export function startUrl(client: Client, issuer: string): string | undefined {
  const registered = client.initiateLoginUri;
  if (typeof registered === "string") {
    const url = new URL(registered);
    url.searchParams.set("iss", issuer);
    return url.href;
  }
  const [first] = client.redirectUris ?? [];
  const web = first !== undefined && /^https?:/.test(first);
  return client.clientUri ?? (web ? new URL("/", first).href : undefined);
}
