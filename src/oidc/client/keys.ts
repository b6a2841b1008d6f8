/** The public keys of a client that proves itself with `private_key_jwt`, given as they are (RFC 7517, section 5). */
import { createPublicKey, type JsonWebKey } from "node:crypto";

/** A public key with which client assertions are verified. */
export interface PublicJwk {
  kty: string;
  crv?: string;
  x?: string;
  y?: string;
  n?: string;
  e?: string;
  kid?: string;
  alg?: string;
  use?: string;
}

export interface PublicJwkSet {
  keys: PublicJwk[];
}

/** What a key set may weigh, in bytes of JSON, and hold: as much as one that is fetched from a `jwks_uri` may. */
export const MOST_BYTES = 64 * 1024;
const MOST_KEYS = 50;
const LEAST_RSA_BITS = 2048;

/** RFC 7518, sections 6.2.2, 6.3.2 and 6.4; `priv` is the one of post-quantum keys. */
const PRIVATE = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];
const PUBLIC = ["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"];

/** The algorithms that each type of key can be used with here. */
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  "EC P-256": ["ES256"],
  "OKP Ed25519": ["EdDSA", "Ed25519"],
  RSA: ["RS256", "PS256"],
};

/** Everything that is wrong with a key set, whoever wrote it. Never quotes a value: it may be half of a secret. */
export function jwksProblems(jwks: unknown): string[] {
  const keys = isObject(jwks) ? jwks.keys : undefined;
  if (!Array.isArray(keys)) return ["jwks must be a JWK Set: an object with a list of keys"];
  if (keys.length === 0 || keys.length > MOST_KEYS) return [`jwks must have 1 to ${MOST_KEYS} keys`];
  if (Buffer.byteLength(JSON.stringify(jwks)) > MOST_BYTES) return ["jwks must be at most 64 KiB"];
  return keys
    .map((key: unknown, index) => [index, keyProblem(key)] as const)
    .filter(([, problem]) => problem !== undefined)
    .map(([index, problem]) => `jwks.keys[${index}] ${problem}`);
}

/** Nothing but the members that make a public key, as a fresh object. */
export function publicMembers({ keys }: PublicJwkSet): PublicJwkSet {
  const members = (key: PublicJwk) => Object.entries(key).filter(([name]) => PUBLIC.includes(name));
  return { keys: keys.map((key) => Object.fromEntries(members(key)) as unknown as PublicJwk) };
}

function keyProblem(key: unknown): string | undefined {
  if (!isObject(key)) return "is not a key";
  const secret = PRIVATE.find((name) => Object.hasOwn(key, name));
  if (secret !== undefined) return `holds the private member ${secret}: give the public key alone`;
  const algorithms = ALGORITHMS[typeOf(key)];
  if (!algorithms) return `must be one of ${Object.keys(ALGORITHMS).join(", ")}`;
  const { alg, use, kid } = key;
  if (alg !== undefined && !algorithms.includes(String(alg))) return `alg must be ${algorithms.join(" or ")}`;
  if (use !== undefined && use !== "sig") return "use must be sig";
  if (kid !== undefined && (typeof kid !== "string" || kid === "")) return "kid must be a text";
  return valueProblem(key);
}

function typeOf({ kty, crv }: Record<string, unknown>): string {
  return kty === "RSA" ? "RSA" : `${kty} ${crv}`;
}

/** Whether the numbers are a key: a point on its curve, a modulus that is long enough. */
function valueProblem(key: JsonWebKey): string | undefined {
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key, format: "jwk" });
    const bits = asymmetricKeyDetails?.modulusLength ?? LEAST_RSA_BITS;
    return bits < LEAST_RSA_BITS ? `must have at least ${LEAST_RSA_BITS} bits` : undefined;
  } catch {
    return "is not a valid public key";
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
