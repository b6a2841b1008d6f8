/** The registered client: its record, what is checked when it is written, and what `oidc-provider` is told of it. */
import { groupsProblem } from "../../account/groups.ts";
import { recordKind } from "../../store/record.ts";
import { jwksProblems, type PublicJwkSet } from "./keys.ts";
import { type ClientKind, KINDS } from "./kind.ts";
import { redirectUriProblem, webUriProblem } from "./redirect-uris.ts";

/** Short for `client_secret_basic`, `client_secret_post`, `none` and `private_key_jwt`. */
export type AuthMethod = "basic" | "post" | "none" | "private_key_jwt";

/** How ID tokens for a client are signed: ES256 unless it knows nothing but RS256. */
export type IdTokenAlg = "ES256" | "RS256";
const ID_TOKEN_ALGS: readonly IdTokenAlg[] = ["ES256", "RS256"];

/** A client as it is stored, under `client:<id>`. */
export interface Client {
  id: string;
  name: string;
  kind: ClientKind;
  /** One of ours: no consent page. */
  firstParty: boolean;
  /** Whether every request must carry a PKCE challenge. */
  pkce: boolean;
  redirectUris: string[];
  postLogoutRedirectUris: string[];
  backchannelLogoutUri?: string;
  initiateLoginUri?: string;
  /** Its front page. */
  clientUri?: string;
  /** Only members of one of these may open it; without it, everybody. */
  groups?: string[];
  /** Where its public keys are, or the keys themselves: never both. */
  jwksUri?: string;
  jwks?: PublicJwkSet;
  authMethod: AuthMethod;
  /** Without it, ES256. */
  idTokenAlg?: IdTokenAlg;
  /** Grant types by their registered names. */
  grants: string[];
  /** The scopes it may ask for; without it, all. */
  scopes?: string[];
  /** Fingerprint of the client secret, which itself is never stored. */
  secret?: string;
  /** Milliseconds since the epoch. */
  created: number;
  updated: number;
}

export const clientRecord = recordKind<Client>("client");

export const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";

/** The grants a kind may have; the first ones, up to two, are its default. */
const GRANTS: Readonly<Record<ClientKind, readonly string[]>> = {
  web: ["authorization_code", "refresh_token", DEVICE_CODE, "client_credentials"],
  spa: ["authorization_code", "refresh_token"],
  native: ["authorization_code", "refresh_token", DEVICE_CODE],
  machine: ["client_credentials"],
};

const METHODS: Readonly<Record<ClientKind, readonly AuthMethod[]>> = {
  web: ["basic", "post", "private_key_jwt", "none"],
  spa: ["none"],
  native: ["none", "basic", "post", "private_key_jwt"],
  machine: ["basic", "post", "private_key_jwt"],
};

export function defaultGrants(kind: ClientKind): string[] {
  return GRANTS[kind].slice(0, 2);
}

export function defaultAuthMethod(kind: ClientKind): AuthMethod {
  return METHODS[kind][0] ?? "none";
}

export function needsSecret(method: AuthMethod): boolean {
  return method === "basic" || method === "post";
}

/** In a URL, in a key of the store and on a terminal these letters are what they are. */
const ID = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/;
/** RFC 6749, section 3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;
const MOST = 64;

export function isClientId(id: string): boolean {
  return ID.test(id);
}

/** Everything that is wrong with a client, each with the name of the member. */
export function clientProblems(client: Client): string[] {
  return [...basics(client), ...addresses(client), ...keys(client), ...flows(client)].filter(
    (problem) => typeof problem === "string",
  );
}

type Problems = (string | undefined | false)[];

function basics({ id, name, kind, idTokenAlg = "ES256", scopes = [], groups }: Client): Problems {
  return [
    !isClientId(id) && "id must have 1 to 128 letters, digits, dots, hyphens, underscores or tildes",
    !/^[^\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]{1,128}$/u.test(name) || name.trim() !== name
      ? "name must have 1 to 128 characters, no control characters, and no space at its ends"
      : undefined,
    !KINDS.includes(kind) && `kind must be one of ${KINDS.join(", ")}`,
    !ID_TOKEN_ALGS.includes(idTokenAlg) && `id token alg must be one of ${ID_TOKEN_ALGS.join(", ")}`,
    scopes.some((scope) => !SCOPE.test(scope)) && "scopes must be names without spaces",
    scopes.length > MOST && `scopes must be at most ${MOST}`,
    groups !== undefined && limits(kind, groups),
  ];
}

/** A limit that nobody could meet, or that nobody would ever be held to, is a mistake. */
function limits(kind: ClientKind, groups: readonly string[]): string | undefined {
  if (groups.length === 0) return "groups must hold one; without any, everybody may open the app";
  if (kind === "machine") return "groups are for apps that people open: nobody signs in to kind machine";
  if (groups.length > MOST) return `groups must be at most ${MOST}`;
  return said("groups", groupsProblem(groups));
}

function addresses(client: Client): Problems {
  const { redirectUris, postLogoutRedirectUris, kind } = client;
  const each = (name: string, uris: string[]): Problems => [
    uris.length > MOST && `${name} must be at most ${MOST}`,
    ...uris.map((uri, index) => said(`${name}[${index}]`, redirectUriProblem(uri, kind))),
  ];
  const one = (name: string, uri: string | undefined, local: boolean) =>
    said(name, uri === undefined ? undefined : webUriProblem(uri, { local }));
  return [
    ...each("redirect_uris", redirectUris),
    ...each("post_logout_redirect_uris", postLogoutRedirectUris),
    one("backchannel_logout_uri", client.backchannelLogoutUri, true),
    one("initiate_login_uri", client.initiateLoginUri, false),
    one("client_uri", client.clientUri, true),
    one("jwks_uri", client.jwksUri, false),
  ];
}

function keys({ authMethod, jwksUri, jwks }: Client): Problems {
  const lacks = authMethod === "private_key_jwt" && jwksUri === undefined && jwks === undefined;
  return [
    lacks && "private_key_jwt needs the keys of the app: a jwks_uri or a jwks",
    jwksUri !== undefined && jwks !== undefined && "jwks_uri and jwks must not both be there: give one",
    ...(jwks === undefined ? [] : jwksProblems(jwks)),
  ];
}

const said = (name: string, problem: string | undefined) => problem && `${name} ${problem}`;

function flows({ kind, authMethod, grants, pkce, redirectUris }: Client): Problems {
  if (!KINDS.includes(kind)) return [];
  const withCode = grants.includes("authorization_code");
  const sensible = grants.some((grant) => grant !== "refresh_token");
  return [
    grants.some((grant) => !GRANTS[kind].includes(grant)) &&
      `grants of kind ${kind} must be of ${GRANTS[kind].join(", ")}`,
    !sensible && "grants must hold one besides refresh_token",
    !METHODS[kind].includes(authMethod) &&
      `auth method of kind ${kind} must be one of ${METHODS[kind].join(", ")}`,
    authMethod === "none" && !pkce && "a client without a secret needs PKCE",
    authMethod === "none" && grants.includes("client_credentials") && "client_credentials needs a secret",
    withCode && redirectUris.length === 0 && "redirect_uris must hold one: add --redirect-uri",
    !withCode && redirectUris.length > 0 && "redirect_uris are for the grant authorization_code",
  ];
}
