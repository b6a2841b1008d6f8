/** The credential of a Keycloak export: two JSON texts, one of how it was made and one of what came out. */
import { fromPadded } from "./base64.ts";
import { formatHash } from "./format.ts";
import { type LegacyHash, LONGEST_HASH, type Pbkdf2Hash, sound } from "./hash.ts";

export interface KeycloakCredential {
  credentialData: string;
  secretData: string;
}

const digests: Readonly<Record<string, Pbkdf2Hash["digest"]>> = {
  pbkdf2: "sha1",
  "pbkdf2-sha256": "sha256",
  "pbkdf2-sha512": "sha512",
};

const versions: Readonly<Record<string, 16 | 19>> = { "1.0": 16, "1.3": 19 };

/** The hash in PHC form, or nothing when it is none that can be verified. */
export function keycloakHash({ credentialData, secretData }: KeycloakCredential): string | undefined {
  const how = objectIn(credentialData);
  const secret = objectIn(secretData);
  if (!how || !secret) return undefined;
  const salt = fromPadded(textOf(secret.salt));
  const hash = fromPadded(textOf(secret.value));
  const read =
    salt && hash && (how.algorithm === "argon2" ? argon2(how, salt, hash) : pbkdf2(how, salt, hash));
  return read && formatHash(read);
}

function pbkdf2(how: Record<string, unknown>, salt: Buffer, hash: Buffer): LegacyHash | undefined {
  const algorithm = textOf(how.algorithm);
  const digest = Object.hasOwn(digests, algorithm) ? digests[algorithm] : undefined;
  return digest && sound({ scheme: "pbkdf2", digest, iterations: Number(how.hashIterations), salt, hash });
}

function argon2(how: Record<string, unknown>, salt: Buffer, hash: Buffer): LegacyHash | undefined {
  const more = (how.additionalParameters ?? {}) as Record<string, unknown>;
  const one = (name: string) => {
    const value = Object.hasOwn(more, name) ? more[name] : undefined;
    return textOf(Array.isArray(value) ? value[0] : value);
  };
  const type = one("type");
  const version = versions[one("version")];
  if (!version || !/^(d|i|id)$/.test(type)) return undefined;
  return sound({
    scheme: "argon2",
    type: type as "d" | "i" | "id",
    version,
    memory: Number(one("memory")),
    passes: Number(how.hashIterations),
    lanes: Number(one("parallelism")),
    salt,
    hash,
  });
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function objectIn(text: string): Record<string, unknown> | undefined {
  if (text.length > 4 * LONGEST_HASH) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
