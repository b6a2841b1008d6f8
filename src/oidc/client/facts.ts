/** What we know of a client besides what the library knows: our own metadata, which its client object keeps as it is. */
import type { Client } from "oidc-provider";
import type { Client as Registered } from "./record.ts";
import { webUriProblem } from "./redirect-uris.ts";

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

/** Whether a member of these groups may open an app: everybody may, where it is not limited to some. */
export function mayOpen(client: Client | Registered, groups: readonly string[]): boolean {
  const { groups: limit } = client;
  return !Array.isArray(limit) || limit.some((group) => groups.includes(group));
}

/**
 * Where an app begins of its own accord: the address at which it starts a sign-in (third-party initiated login, OpenID
 * Connect Core, section 4), else its front page. Of what may be said there only `iss` is: whoever comes has a session
 * here, so a `login_hint` would tell the app, its log and its proxies who comes before he has said so, and where in the
 * app he wants to go (`target_link_uri`) is the app's to know. An address that must not be a link is none, whoever
 * wrote it.
 */
export function launchUrl(client: Client | Registered, issuer: string): string | undefined {
  const { initiateLoginUri: starts, clientUri: front } = client;
  if (typeof starts === "string" && webUriProblem(starts, { local: true }) === undefined) {
    const url = new URL(starts);
    url.searchParams.set("iss", issuer);
    return url.href;
  }
  return typeof front === "string" && webUriProblem(front, { local: true }) === undefined ? front : undefined;
}

/** The same, or where its redirects go: for the way back to an app that somebody came from. */
export function startUrl(client: Client, issuer: string): string | undefined {
  const [first] = client.redirectUris ?? [];
  const web = first !== undefined && /^https?:/.test(first);
  return launchUrl(client, issuer) ?? (web ? new URL("/", first).href : undefined);
}
