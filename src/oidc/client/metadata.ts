/** A client in the words of OpenID Connect Dynamic Client Registration 1.0, section 2. */
import { timingSafeEqual } from "node:crypto";
import { fingerprint } from "../../store/record.ts";
import { type PublicJwkSet, publicMembers } from "./keys.ts";
import type { AuthMethod, Client } from "./record.ts";

/** What `oidc-provider` is told. The last four members are ours: list them in `extraClientMetadata.properties`. */
export type ClientMetadata = {
  client_id: string;
  client_name: string;
  /** {@link SECRET_MARKER} and the fingerprint of the secret. */
  client_secret?: string;
  client_id_issued_at: number;
  application_type: "web" | "native";
  token_endpoint_auth_method: (typeof METHODS)[AuthMethod];
  grant_types: string[];
  response_types: "code"[];
  redirect_uris: string[];
  post_logout_redirect_uris: string[];
  backchannel_logout_uri?: string;
  backchannel_logout_session_required?: boolean;
  initiate_login_uri?: string;
  client_uri?: string;
  id_token_signed_response_alg?: string;
  jwks_uri?: string;
  jwks?: PublicJwkSet;
  scope?: string;
  first_party: boolean;
  require_pkce: boolean;
  /** Origins that may call us from a page (CORS). */
  origins: string[];
  /** Only members of one of these may open the app. */
  groups?: string[];
};

/** The members of {@link ClientMetadata} that are ours. */
export const EXTRA_CLIENT_METADATA = ["first_party", "require_pkce", "origins", "groups"] as const;

/** Stands before a fingerprint where the library expects a secret. */
export const SECRET_MARKER = "sha256.";

const METHODS = {
  basic: "client_secret_basic",
  post: "client_secret_post",
  none: "none",
  private_key_jwt: "private_key_jwt",
} as const satisfies Record<AuthMethod, string>;

/** A fresh object on every call: the library keeps and changes what it is given. */
export function toMetadata(client: Client): ClientMetadata {
  return {
    client_id: client.id,
    client_name: client.name,
    ...(client.secret === undefined ? {} : { client_secret: `${SECRET_MARKER}${client.secret}` }),
    client_id_issued_at: Math.floor(client.created / 1000),
    application_type: client.kind === "native" ? "native" : "web",
    token_endpoint_auth_method: METHODS[client.authMethod],
    grant_types: [...client.grants],
    response_types: client.grants.includes("authorization_code") ? ["code"] : [],
    redirect_uris: [...client.redirectUris],
    post_logout_redirect_uris: [...client.postLogoutRedirectUris],
    ...optional(client),
    first_party: client.firstParty,
    require_pkce: client.pkce,
    origins: client.kind === "spa" ? [...new Set(client.redirectUris.map((uri) => new URL(uri).origin))] : [],
  };
}

function optional(client: Client): Partial<ClientMetadata> {
  const { backchannelLogoutUri, initiateLoginUri, clientUri, jwksUri, jwks, idTokenAlg, scopes, groups } =
    client;
  return {
    ...(backchannelLogoutUri === undefined
      ? {}
      : { backchannel_logout_uri: backchannelLogoutUri, backchannel_logout_session_required: true }),
    ...(initiateLoginUri === undefined ? {} : { initiate_login_uri: initiateLoginUri }),
    ...(clientUri === undefined ? {} : { client_uri: clientUri }),
    ...(groups === undefined ? {} : { groups: [...groups] }),
    ...(jwksUri === undefined ? {} : { jwks_uri: jwksUri }),
    ...(jwks === undefined ? {} : { jwks: publicMembers(jwks) }),
    ...(idTokenAlg === undefined ? {} : { id_token_signed_response_alg: idTokenAlg }),
    ...(scopes === undefined ? {} : { scope: scopes.join(" ") }),
  };
}

/** What people are shown: the metadata without the secret, and with the kind. */
export function toPublic(client: Client): Record<string, unknown> {
  const { client_secret: _, ...metadata } = toMetadata(client);
  return { ...metadata, kind: client.kind, updated_at: Math.floor(client.updated / 1000) };
}

/**
 * Whether a secret that a client sent is the one whose fingerprint is kept; takes as long for a wrong one as for a
 * right one. `kept` is the `client_secret` of {@link ClientMetadata}; without the marker nothing fits.
 */
export function matchesClientSecret(kept: string | undefined, given: string): boolean {
  const left = Buffer.from(kept ?? "");
  const right = Buffer.from(`${SECRET_MARKER}${fingerprint(given)}`);
  return left.length === right.length && timingSafeEqual(left, right);
}
