/** What is judged alike in both ceremonies: the client data and the fixed part of the authenticator data. */
import { createHash } from "node:crypto";
import { Refusal } from "./refusal.ts";
import type { RelyingParty } from "./relying-party.ts";
import type { ClientData } from "./response.ts";

/** The fixed part of authenticator data (WebAuthn Level 3, section 6.1). */
export interface AuthenticatorData {
  rpIdHash: Buffer;
  userPresent: boolean;
  userVerified: boolean;
  backupEligible: boolean;
  backedUp: boolean;
  /** 0 to 2^32 - 1. */
  counter: number;
}

/** Sections 7.1 and 7.2, from the type to the top origin. The challenge was judged when it was taken. */
export function judgeClientData(
  data: ClientData,
  type: "webauthn.create" | "webauthn.get",
  rp: RelyingParty,
): void {
  if (data.type !== type) throw new Refusal("type_mismatch");
  if (typeof data.origin !== "string" || !rp.origins.includes(data.origin))
    throw new Refusal("origin_mismatch");
  // No page of ours runs a ceremony in a frame of somebody else; the library lets some of these pass.
  if (data.crossOrigin !== undefined && data.crossOrigin !== false) throw new Refusal("cross_origin");
  if (data.topOrigin !== undefined) throw new Refusal("cross_origin");
}

/** @throws Refusal `malformed` when it is too short */
export function readAuthenticatorData(bytes: Buffer): AuthenticatorData {
  if (bytes.length < 37) throw new Refusal("malformed");
  const flags = bytes.readUInt8(32);
  return {
    rpIdHash: bytes.subarray(0, 32),
    userPresent: (flags & 0x01) !== 0,
    userVerified: (flags & 0x04) !== 0,
    backupEligible: (flags & 0x08) !== 0,
    backedUp: (flags & 0x10) !== 0,
    counter: bytes.readUInt32BE(33),
  };
}

/**
 * Sections 7.1 and 7.2, RP ID hash, UP and the backup flags; UV is judged after the signature.
 *
 * @param unattended nobody need have been there (section 7.1, step 15: only with conditional mediation)
 */
export function judgeAuthenticatorData(data: AuthenticatorData, rp: RelyingParty, unattended = false): void {
  if (!createHash("sha256").update(rp.id).digest().equals(data.rpIdHash)) throw new Refusal("rp_id_mismatch");
  if (!data.userPresent && !unattended) throw new Refusal("user_not_present");
  if (data.backedUp && !data.backupEligible) throw new Refusal("backup_flags_invalid");
}
