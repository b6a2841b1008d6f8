/** The parts of an answer: authenticator data, client data, identity, and the shape of the signature. */
import { createHash } from "node:crypto";
import type { SoftwareCredential } from "./key.ts";
import type { CommonOverrides, GetOverrides } from "./overrides.ts";
import { highS, rawSignature, spoiled } from "./signature.ts";

/** Authenticator data (WebAuthn Level 3, section 6.1). */
export function authenticatorDataFor(
  credential: SoftwareCredential,
  overrides: CommonOverrides,
  attested?: Uint8Array,
): Uint8Array {
  const flags =
    flag(0x01, overrides.userPresent ?? true) |
    flag(0x04, overrides.userVerified ?? true) |
    flag(0x08, overrides.backupEligible ?? credential.backupEligible) |
    flag(0x10, overrides.backedUp ?? credential.backedUp) |
    flag(0x40, attested !== undefined);
  const fixed = Buffer.alloc(5);
  fixed[0] = flags;
  fixed.writeUInt32BE(overrides.counter ?? credential.counter ?? 0, 1);
  const rpIdHash = sha256(Buffer.from(overrides.rpId ?? credential.rpId));
  const bytes = Buffer.concat([rpIdHash, fixed, attested ?? Buffer.alloc(0)]);
  return overrides.authenticatorData?.(bytes) ?? bytes;
}

function flag(bit: number, set: boolean): number {
  return set ? bit : 0;
}

/** Collected client data (WebAuthn Level 3, section 5.8.1), members in the order of its serialization. */
export function clientDataJSON(
  type: string,
  challenge: string,
  origin: string,
  overrides: CommonOverrides,
): Uint8Array {
  const json = JSON.stringify({
    type: overrides.type ?? type,
    challenge: overrides.challenge ?? challenge,
    origin: overrides.origin ?? origin,
    ...(overrides.crossOrigin === null ? {} : { crossOrigin: overrides.crossOrigin ?? false }),
    ...(overrides.topOrigin === undefined ? {} : { topOrigin: overrides.topOrigin }),
    ...overrides.clientData,
  });
  const given = overrides.clientDataJSON?.(json) ?? json;
  return typeof given === "string" ? Buffer.from(given) : given;
}

/** Refuses what a browser refuses to parse (section 5.1.10): base64url whose last group cannot be. */
export function requireBase64url(options: object): void {
  const { challenge, user } = options as { challenge: string; user?: { id: string } };
  for (const text of [challenge, ...(user ? [user.id] : [])]) {
    if (Buffer.from(text, "base64url").toString("base64url") === text) continue;
    throw new DOMException("the options contain invalid base64url data", "EncodingError");
  }
}

/** What both answers begin with. */
export function identity({ id }: SoftwareCredential, overrides: CommonOverrides) {
  const answered = overrides.id ?? id;
  return {
    id: answered,
    rawId: overrides.rawId ?? answered,
    type: "public-key" as const,
    clientExtensionResults: {},
    authenticatorAttachment: "platform" as const,
  };
}

/** The signature as the test wants it. */
export function reshape(signature: Buffer, shape: GetOverrides["signature"]): Uint8Array {
  if (shape === undefined) return signature;
  if (shape === "spoiled") return spoiled(signature);
  if (shape === "high-s") return highS(signature);
  if (shape === "raw") return rawSignature(signature);
  return shape(signature);
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

export function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
