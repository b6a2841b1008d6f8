/**
 * The verification of an assertion's signature (WebAuthn Level 3, section 7.2, steps 20 and 21).
 *
 * It is ours because the library spends six times as long on it, importing the key anew each time. It judges nothing
 * else, and a test holds it against the library on the same inputs (`test/passkey/differential.test.ts`).
 */
import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { decodeCredentialPublicKey, parseAuthenticatorData } from "@simplewebauthn/server/helpers";
import { isOneCborItem } from "./cbor.ts";
import { Refusal } from "./refusal.ts";
import type { AssertionAnswer } from "./response.ts";

/** The key that has to have signed. */
export interface VerificationKey {
  /** COSE key, base64url. */
  publicKey: string;
  algorithm: number;
}

/**
 * Whether the key signed this assertion.
 *
 * @throws Refusal `verification_failed` for authenticator data that is not an assertion's, or a key that is none
 */
export function verifyAssertion(answer: AssertionAnswer, { publicKey, algorithm }: VerificationKey): boolean {
  const authenticatorData = Buffer.from(answer.authenticatorData, "base64url");
  const signature = Buffer.from(answer.signature, "base64url");
  if (!isWhole(authenticatorData)) throw new Refusal("verification_failed");
  if (algorithm === ES256 && !isDer(signature)) return false;
  const clientDataHash = createHash("sha256").update(answer.clientDataJSON, "base64url").digest();
  const signed = Buffer.concat([authenticatorData, clientDataHash]);
  return verify(algorithm === EDDSA ? null : "sha256", signed, importKey(publicKey), signature);
}

const ES256 = -7;
const EDDSA = -8;

const FIXED_BYTES = 37;
const ATTESTED = 0x40;
const EXTENSIONS = 0x80;

/** An assertion has no attested credential, and behind the fixed part exactly the extensions it says it has. */
function isWhole(authenticatorData: Buffer): boolean {
  const flags = authenticatorData[32] ?? ATTESTED;
  if (flags & ATTESTED) return false;
  if (!(flags & EXTENSIONS)) return authenticatorData.length === FIXED_BYTES;
  return isOneCborItem(authenticatorData.subarray(FIXED_BYTES)) && isReadable(authenticatorData);
}

/** Extensions are rare, so what the library thinks of them (a map, canonical, no key twice) may cost its time. */
function isReadable(authenticatorData: Buffer): boolean {
  try {
    return parseAuthenticatorData(new Uint8Array(authenticatorData)).flags.ed;
  } catch {
    return false;
  }
}

/** Imported keys by their COSE text, which *is* the key: nothing ever has to be forgotten but the oldest. */
const imported = new Map<string, KeyObject>();
const REMEMBERED = 4096;

function importKey(publicKey: string): KeyObject {
  const known = imported.get(publicKey);
  if (known) return known;
  const key = createPublicKey({ format: "jwk", key: toJwk(publicKey) });
  if (imported.size >= REMEMBERED) imported.delete(imported.keys().next().value as string);
  imported.set(publicKey, key);
  return key;
}

/** COSE key parameters (RFC 9053, section 7) as a JWK; the key was judged when it was registered. */
function toJwk(publicKey: string): Record<string, string> {
  const key = decodeCredentialPublicKey(new Uint8Array(Buffer.from(publicKey, "base64url"))) as Map<
    number,
    unknown
  >;
  const text = (label: number) => Buffer.from(key.get(label) as Uint8Array).toString("base64url");
  switch (key.get(1)) {
    case 1:
      return { kty: "OKP", crv: "Ed25519", x: text(-2) };
    case 2:
      return { kty: "EC", crv: "P-256", x: text(-2), y: text(-3) };
    case 3:
      return { kty: "RSA", n: text(-1), e: text(-2) };
    default:
      throw new Refusal("verification_failed");
  }
}

/** Two positive integers of at most 33 bytes in the one encoding DER has. */
function isDer(signature: Buffer): boolean {
  if (signature[0] !== 0x30 || signature[1] !== signature.length - 2) return false;
  const end = integerEnd(signature, 2);
  return end !== undefined && integerEnd(signature, end) === signature.length;
}

function integerEnd(bytes: Buffer, at: number): number | undefined {
  const length = bytes[at + 1] ?? 0;
  const first = bytes[at + 2] ?? 0xff;
  const second = bytes[at + 3] ?? 0xff;
  const padded = first === 0 && length > 1 && second < 0x80;
  if (bytes[at] !== 0x02 || length < 1 || length > 33 || first >= 0x80 || padded) return undefined;
  return at + 2 + length;
}
