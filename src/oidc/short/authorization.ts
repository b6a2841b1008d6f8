/**
 * The beginning of a sign-in on the short way: an authorization request of a browser that has no session leads to the
 * sign-in page, whatever else is true; all that has to be found out is that the request is in order (OpenID Connect
 * Core, section 3.1.2.2).
 */
import { epoch } from "../../clock.ts";
import { randomText } from "../../random.ts";
import { fingerprint } from "../../store/record.ts";
import { sealInteraction } from "../adapter/interaction.ts";
import { lifetime } from "../adapter.ts";
import { INTERACTION_SECONDS } from "../lifetimes.ts";
import { isPlainClient, type LibraryClient, type ShortWayDependencies } from "./ordinary.ts";

export interface AuthorizationDependencies extends ShortWayDependencies {
  /** The scopes by their names, as the library is configured with. */
  claims: Readonly<Record<string, readonly string[]>>;
}

/** What a client may have been registered with that a request has to obey. */
const MEMBERS = [
  ...["scope", "responseModes", "defaultAcrValues", "defaultMaxAge", "requireAuthTime"],
  ...["requirePushedAuthorizationRequests", "requireSignedRequestObject"],
];

/** Every parameter of an ordinary request; those that may be missing last. */
const NAMES = [
  "client_id",
  "redirect_uri",
  "response_type",
  "scope",
  "code_challenge",
  "code_challenge_method",
];
const OPTIONAL = ["state", "nonce"];
const CHALLENGE = /^[\w.~-]{43,128}$/;

/** The parameters of a request, when it is in order and asks for nothing out of the ordinary. */
export async function ordinaryRequest(
  d: AuthorizationDependencies,
  query: string,
): Promise<Record<string, string> | undefined> {
  const params = single(query);
  if (!params || !NAMES.every((name) => name in params)) return undefined;
  const { client_id: id = "", redirect_uri: uri = "", scope = "" } = params;
  if (params.response_type !== "code" || params.code_challenge_method !== "S256") return undefined;
  if (!CHALLENGE.test(params.code_challenge ?? "") || !isKnown(d, scope)) return undefined;
  const client = (await d.provider.Client.find(id)) as LibraryClient | undefined;
  if (!client || !isPlainClient(client, MEMBERS)) return undefined;
  return client.responseTypeAllowed("code") && client.redirectUriAllowed(uri) ? params : undefined;
}

/** Each parameter once, none unknown, none empty, none with what is no text. */
function single(query: string): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (name in params || !(NAMES.includes(name) || OPTIONAL.includes(name))) return undefined;
    if (value === "" || value.includes("\ufffd")) return undefined;
    params[name] = value;
  }
  return params;
}

function isKnown({ claims }: AuthorizationDependencies, scope: string): boolean {
  const scopes = scope.split(" ");
  return (
    scopes.includes("openid") &&
    scopes.every((name) => Object.hasOwn(claims, name)) &&
    new Set(scopes).size === scopes.length
  );
}

/** Keeps the request until somebody has signed in; gives the uid of its interaction. */
export async function keepRequest(
  d: AuthorizationDependencies,
  params: Record<string, string>,
): Promise<string> {
  const now = epoch(d.clock);
  const uid = randomText(32);
  const interaction = sealInteraction(uid, {
    iat: now,
    exp: now + INTERACTION_SECONDS,
    returnTo: `${d.provider.issuer}/auth/${uid}`,
    prompt: { name: "login", reasons: ["no_session"], details: {} },
    params,
    cid: randomText(32),
    kind: "Interaction",
  });
  await d.store.write(`interaction:${fingerprint(uid)}`, interaction, { ttl: lifetime(INTERACTION_SECONDS) });
  return uid;
}
