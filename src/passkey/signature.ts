/**
 * The verification of an assertion's signature (WebAuthn Level 3, section 7.2, steps 20 and 21).
 *
 * It is ours because the library spends six times as long on it, importing the key anew each time. It judges nothing
 * else, and a test holds it against the library on the same inputs (`test/passkey/differential.test.ts`).
 */
import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { isOneCborItem } from "./cbor.ts";
import { readCoseKey } from "./cose.ts";
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
export async function verifyAssertion(
  answer: AssertionAnswer,
  { publicKey, algorithm }: VerificationKey,
): Promise<boolean> {
  const authenticatorData = Buffer.from(answer.authenticatorData, "base64url");
  const signature = Buffer.from(answer.signature, "base64url");
  if (!(await isWhole(authenticatorData))) throw new Refusal("verification_failed");
  const clientDataHash = createHash("sha256").update(answer.clientDataJSON, "base64url").digest();
  const signed = Buffer.concat([authenticatorData, clientDataHash]);
  // OpenSSL takes an ECDSA signature in its one DER encoding alone, so there is nothing to check before it.
  return verify(algorithm === EDDSA ? null : "sha256", signed, importKey(publicKey), signature);
}

const EDDSA = -8;

const FIXED_BYTES = 37;
const ATTESTED = 0x40;
const EXTENSIONS = 0x80;

/** An assertion has no attested credential, and behind the fixed part exactly the extensions it says it has. */
async function isWhole(authenticatorData: Buffer): Promise<boolean> {
  const flags = authenticatorData[32] ?? ATTESTED;
  if (flags & ATTESTED) return false;
  if (!(flags & EXTENSIONS)) return authenticatorData.length === FIXED_BYTES;
  return isOneCborItem(authenticatorData.subarray(FIXED_BYTES)) && isReadable(authenticatorData);
}

/** Extensions are rare, so what the library thinks of them (a map, canonical, no key twice) may cost its time. */
async function isReadable(authenticatorData: Buffer): Promise<boolean> {
  const { parseAuthenticatorData } = await import("./library.ts");
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

/** As a JWK; the key was judged when it was registered. */
function toJwk(publicKey: string): Record<string, string> {
  const key = readCoseKey(Buffer.from(publicKey, "base64url"));
  const text = (label: number) => (key.get(label) as Buffer).toString("base64url");
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
