/** The key pairs of a software authenticator, and their public halves as COSE keys (RFC 9053, RFC 8230). */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { type Cbor, encodeCbor } from "./cbor.ts";

/** COSE algorithm identifier: -7 ES256, -8 EdDSA, -257 RS256. */
export type Algorithm = -7 | -8 | -257;

export interface KeyPair {
  algorithm: Algorithm;
  privateKey: KeyObject;
  /** The COSE key, encoded. */
  publicKey: Buffer;
}

/** A discoverable credential that the authenticator holds; `backupEligible`, `backedUp`, `counter` may be changed. */
export interface SoftwareCredential extends KeyPair {
  /** Credential id, base64url. */
  readonly id: string;
  readonly rpId: string;
  /** User handle, base64url. */
  readonly userHandle: string;
  readonly userName: string;
  backupEligible: boolean;
  backedUp: boolean;
  /** `undefined`: it has none and sends 0. */
  counter: number | undefined;
}

/** Makes a key pair; RS256 costs around a hundred milliseconds, the others a fraction of one. */
export function newKeyPair(algorithm: Algorithm): KeyPair {
  const { privateKey, publicKey } = generate(algorithm);
  return { algorithm, privateKey, publicKey: encodeCbor(coseKey(algorithm, publicKey)) };
}

function generate(algorithm: Algorithm) {
  if (algorithm === -7) return generateKeyPairSync("ec", { namedCurve: "P-256" });
  if (algorithm === -8) return generateKeyPairSync("ed25519");
  return generateKeyPairSync("rsa", { modulusLength: 2048 });
}

/** A public key as a COSE map: kty 1, alg 3, and the parameters of its type. */
export function coseKey(algorithm: Algorithm, key: KeyObject): Map<number, Cbor> {
  const jwk = key.export({ format: "jwk" });
  const part = (name: "x" | "y" | "n" | "e") => Buffer.from(jwk[name] ?? "", "base64url");
  if (algorithm === -7) return cose(2, algorithm, [-1, 1], [-2, part("x")], [-3, part("y")]);
  if (algorithm === -8) return cose(1, algorithm, [-1, 6], [-2, part("x")]);
  return cose(3, algorithm, [-1, part("n")], [-2, part("e")]);
}

function cose(type: number, algorithm: number, ...parameters: [number, Cbor][]): Map<number, Cbor> {
  return new Map<number, Cbor>([[1, type], [3, algorithm], ...parameters]);
}

/** Signs as an authenticator does: ECDSA in DER, the others as they are (WebAuthn Level 3, section 6.5.5). */
export function signWith(key: Pick<KeyPair, "algorithm" | "privateKey">, data: Uint8Array): Buffer {
  return sign(key.algorithm === -8 ? null : "sha256", data, key.privateKey);
}
