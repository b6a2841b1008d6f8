/** Who asks at the token endpoint, where it is said in one of the plain ways (RFC 6749, section 2.3.1). */
import type Provider from "oidc-provider";
import { isPlainClient, type LibraryClient } from "./ordinary.ts";

/** What binds tokens to more than their being held, makes a secret end, or asks for another signature. */
const MEMBERS = [
  ...["tlsClientCertificateBoundAccessTokens", "dpopBoundAccessTokens", "clientSecretExpiresAt"],
  "idTokenEncryptedResponseAlg",
];
const BASIC = /^Basic ([A-Za-z0-9+/]+={0,2})$/;
/** What a client id or secret is made of once it is decoded, the characters that need no thought. */
const PLAIN = /^[\x21-\x39\x3b-\x7e]+$/;

interface Credentials {
  id: string;
  secret?: string;
}

/** The client that has proved itself; `undefined` for whatever else the library has to judge. */
export async function authenticated(
  provider: Provider,
  authorization: string | undefined,
  form: { client_id?: string; client_secret?: string },
): Promise<LibraryClient | undefined> {
  const given = credentials(authorization, form);
  if (!given) return undefined;
  const client = (await provider.Client.find(given.id)) as LibraryClient | undefined;
  if (!client || !isPlainClient(client, MEMBERS)) return undefined;
  const method = client.clientAuthMethod;
  const proved =
    given.secret === undefined
      ? method === "none"
      : (method === "client_secret_basic" || method === "client_secret_post") &&
        client.compareClientSecret(given.secret);
  return proved ? client : undefined;
}

function credentials(
  authorization: string | undefined,
  { client_id: id, client_secret: secret }: { client_id?: string; client_secret?: string },
): Credentials | undefined {
  if (authorization === undefined) return id ? { id, ...(secret ? { secret } : {}) } : undefined;
  const basic = secret === undefined ? decodeBasic(authorization) : undefined;
  return basic && (id === undefined || id === basic.id) ? basic : undefined;
}

function decodeBasic(authorization: string): Credentials | undefined {
  const encoded = BASIC.exec(authorization)?.[1];
  if (encoded === undefined || encoded.length % 4 !== 0) return undefined;
  const [id = "", secret = "", ...rest] = Buffer.from(encoded, "base64").toString("utf8").split(":");
  // Where something is escaped, the library decides what it means.
  const isPlain = [id, secret].every((part) => PLAIN.test(part) && !/[%+]/.test(part));
  return isPlain && rest.length === 0 ? { id, secret } : undefined;
}
