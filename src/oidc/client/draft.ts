/** From what somebody says about a client to the client: defaults, changes, and its secret. Pure but for the randomness. */
import { randomBytes } from "node:crypto";
import { refuse } from "../../errors.ts";
import { randomText } from "../../random.ts";
import { fingerprint } from "../../store/record.ts";
import type { PublicJwkSet } from "./keys.ts";
import { type ClientKind, KINDS } from "./kind.ts";
import {
  type AuthMethod,
  type Client,
  DEVICE_CODE,
  defaultAuthMethod,
  defaultGrants,
  type IdTokenAlg,
  needsSecret,
} from "./record.ts";

/**
 * What may be said about a client. In an update `null` takes an address, or a limit of scopes or groups, away; keys take the
 * place of their address, and the address that of the keys.
 */
export interface ClientPatch {
  name?: string;
  redirectUris?: string[];
  firstParty?: boolean;
  pkce?: boolean;
  postLogoutRedirectUris?: string[];
  backchannelLogoutUri?: string | null;
  initiateLoginUri?: string | null;
  clientUri?: string | null;
  /** Names as people write them. */
  groups?: string[] | null;
  jwksUri?: string | null;
  jwks?: PublicJwkSet | null;
  authMethod?: AuthMethod;
  idTokenAlg?: IdTokenAlg;
  grants?: string[];
  scopes?: string[] | null;
}

export interface ClientInput extends ClientPatch {
  name: string;
  /** Default: 16 random bytes. */
  id?: string;
  /** Default: `web`. */
  kind?: ClientKind;
}

/** A client that was written, and its new secret, which is told this once and never stored. */
export interface Written {
  client: Client;
  secret?: string;
}

/** A client with all its defaults. @throws `client_invalid` for a kind that does not exist */
export function draft(input: ClientInput, now: number): Client {
  const { id = randomBytes(16).toString("hex"), kind = "web", name, ...patch } = input;
  if (!KINDS.includes(kind))
    throw refuse("client_invalid", { detail: `Not accepted: kind must be one of ${KINDS.join(", ")}.` });
  const blank: Client = {
    id,
    name,
    kind,
    firstParty: false,
    pkce: true,
    redirectUris: [],
    postLogoutRedirectUris: [],
    authMethod: defaultAuthMethod(kind),
    grants: defaultGrants(kind),
    created: now,
    updated: now,
  };
  return patched(blank, patch, now);
}

/** What a patch may name; anything else is refused, whoever wrote it. */
const PATCHABLE: ReadonlySet<string> = new Set<keyof ClientPatch>([
  "name",
  "redirectUris",
  "firstParty",
  "pkce",
  "postLogoutRedirectUris",
  "backchannelLogoutUri",
  "initiateLoginUri",
  "clientUri",
  "groups",
  "jwksUri",
  "jwks",
  "authMethod",
  "idTokenAlg",
  "grants",
  "scopes",
]);

/** The client with what the patch says; members that the patch lacks stay. @throws `client_invalid` */
export function patched(client: Client, patch: ClientPatch, now: number): Client {
  const unknown = Object.keys(patch).find((name) => !PATCHABLE.has(name));
  if (unknown !== undefined)
    throw refuse("client_invalid", { detail: "Not accepted: a member that cannot be set." });
  const { redirectUris, postLogoutRedirectUris, grants, scopes, groups } = patch;
  const said = Object.entries({
    ...(patch.jwks && { jwksUri: null }),
    ...(patch.jwksUri && { jwks: null }),
    ...patch,
    redirectUris: distinct(redirectUris),
    postLogoutRedirectUris: distinct(postLogoutRedirectUris),
    grants: grants && withStart(client.kind, grants),
    scopes: distinct(scopes),
    // As accounts have them: an accent that was typed in another way is the same accent.
    groups: groups === null ? null : distinct(groups?.map((name) => name.normalize("NFC"))),
  }).filter(([, value]) => value !== undefined);
  const merged = Object.entries({ ...client, ...Object.fromEntries(said), updated: now });
  return Object.fromEntries(merged.filter(([, value]) => value !== null)) as unknown as Client;
}

function distinct<T extends string[] | null | undefined>(values: T): T {
  return (values ? [...new Set(values)] : values) as T;
}

/** A refresh token comes out of another grant: where none is named, the code's. */
function withStart(kind: ClientKind, grants: readonly string[]): string[] {
  const names = grants.map((grant) => (grant === "device_code" ? DEVICE_CODE : grant));
  const lacksStart =
    kind !== "machine" && names.length > 0 && names.every((grant) => grant === "refresh_token");
  return [...new Set(lacksStart ? ["authorization_code", ...names] : names)];
}

/** 256 random bits, too many to guess: their plain hash is safe to keep. */
export function makeSecret(): string {
  return randomText(32);
}

/** Gives the client this secret when it needs one and has none, or is to have a new one; drops one it cannot use. */
export function withSecret(client: Client, secret: string, renew = false): Written {
  const { secret: kept, ...rest } = client;
  if (!needsSecret(client.authMethod)) return { client: rest };
  if (kept !== undefined && !renew) return { client };
  return { client: { ...rest, secret: fingerprint(secret) }, secret };
}
