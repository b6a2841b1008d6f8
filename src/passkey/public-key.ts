/** Whether a COSE key is one we offered, complete, and a point or modulus that can be trusted to mean something. */
import { createPublicKey, type KeyObject } from "node:crypto";
import { type CoseKey, readCoseKey } from "./cose.ts";
import { isEd25519Point } from "./ed25519.ts";
import { Refusal } from "./refusal.ts";
import { ALGORITHMS } from "./relying-party.ts";

/** RSA moduli we take, in bytes: 2048 to 8192 bits, without leading zeros. */
const MODULUS = { least: 256, most: 1024 };

/** The checks of the algorithms in {@link ALGORITHMS}; each key has exactly the parameters of its type. */
const CHECKS: Readonly<Record<number, (key: CoseKey) => boolean>> = {
  [-7]: (key) =>
    key.size === 5 && key.get(1) === 2 && key.get(-1) === 1 && isP256(bytes(key, -2), bytes(key, -3)),
  [-8]: (key) => key.size === 4 && key.get(1) === 1 && key.get(-1) === 6 && isEd25519Point(bytes(key, -2)),
  [-257]: (key) =>
    key.size === 4 && key.get(1) === 3 && isModulus(bytes(key, -1)) && isExponent(bytes(key, -2)),
};

/**
 * Checks a credential public key and returns its algorithm (WebAuthn Level 3, sections 5.8.5 and 6.5.1.1).
 *
 * @param encoded COSE key
 * @throws Refusal `algorithm_not_offered` or `public_key_invalid`
 */
export function judgePublicKey(encoded: Uint8Array): number {
  const key = read(encoded);
  const algorithm = key.get(3);
  if (typeof algorithm !== "number" || !ALGORITHMS.includes(algorithm))
    throw new Refusal("algorithm_not_offered");
  if (!CHECKS[algorithm]?.(key)) throw new Refusal("public_key_invalid");
  return algorithm;
}

function read(encoded: Uint8Array): CoseKey {
  try {
    return readCoseKey(Buffer.from(encoded));
  } catch (error) {
    throw new Refusal("public_key_invalid", error);
  }
}

/** A P-256 key as an encoded COSE key, base64url. */
export function encodeEs256Key(key: KeyObject): string {
  const { x = "", y = "" } = key.export({ format: "jwk" });
  const label = (hex: string) => Buffer.from(hex, "hex");
  const parts = [
    label("a5010203262001215820"),
    Buffer.from(x, "base64url"),
    label("225820"),
    Buffer.from(y, "base64url"),
  ];
  return Buffer.concat(parts).toString("base64url");
}

function bytes(key: CoseKey, label: number): Uint8Array {
  const value = key.get(label);
  return value instanceof Uint8Array ? value : new Uint8Array();
}

/** OpenSSL refuses a point that is not on the curve. */
function isP256(x: Uint8Array, y: Uint8Array): boolean {
  if (x.length !== 32 || y.length !== 32) return false;
  try {
    createPublicKey({ format: "jwk", key: { kty: "EC", crv: "P-256", x: base64url(x), y: base64url(y) } });
    return true;
  } catch {
    return false;
  }
}

function isModulus(n: Uint8Array): boolean {
  const [first = 0] = n;
  const longEnough = n.length === MODULUS.least ? first >= 0x80 : n.length > MODULUS.least && first > 0;
  return longEnough && n.length <= MODULUS.most && ((n.at(-1) ?? 0) & 1) === 1;
}

/** 65537 or another odd number above it, of at most 32 bits (FIPS 186-5, section 5.4, gives the lower bound). */
function isExponent(e: Uint8Array): boolean {
  if (e.length < 3 || e.length > 4 || e[0] === 0) return false;
  const value = Buffer.from(e).readUIntBE(0, e.length);
  return value >= 65537 && value % 2 === 1;
}

function base64url(value: Uint8Array): string {
  return Buffer.from(value).toString("base64url");
}
