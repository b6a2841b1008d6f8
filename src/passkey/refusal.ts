/** Why a ceremony was refused: for the log and the audit, never for the one who was refused. */

/** Reasons of a refused ceremony. People and attackers only ever see the code of the error table. */
export type Reason =
  /** The answer is no WebAuthn answer: a member is missing, of the wrong type, too long, or not base64url. */
  | "malformed"
  /** No live challenge of this page is the one that was signed. */
  | "challenge_unknown"
  /** The challenge was given to another browser. */
  | "challenge_foreign"
  /** The challenge was given to this browser for another page, purpose or action; it is gone now. */
  | "challenge_misused"
  /** The challenge is older than its 30 minutes. */
  | "challenge_expired"
  | "type_mismatch"
  | "origin_mismatch"
  | "cross_origin"
  | "rp_id_mismatch"
  | "user_not_present"
  | "user_not_verified"
  /** BS without BE. */
  | "backup_flags_invalid"
  /** BE differs from what it was at registration. */
  | "backup_eligibility_changed"
  | "user_handle_missing"
  | "account_unknown"
  | "account_inactive"
  /** Another account than the one that has to answer. */
  | "account_mismatch"
  /** The account of the user handle does not hold the credential. */
  | "credential_unknown"
  | "credential_inactive"
  | "credential_not_allowed"
  | "signature_invalid"
  | "counter_regressed"
  /** The registration names one credential and attests another. */
  | "credential_id_mismatch"
  | "algorithm_not_offered"
  | "public_key_invalid"
  | "attestation_format"
  /** The deployment demands attestation by an authority it trusts. */
  | "attestation_untrusted"
  /** The library found something that it does not name. */
  | "verification_failed";

/** The private side of a refusal; the `cause` of the public one. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly reason: Reason;

  constructor(reason: Reason, cause?: unknown) {
    super(reason, cause === undefined ? {} : { cause });
    this.reason = reason;
  }
}

/** The reason behind an error of this room, when it has one. */
export function refusalReason(error: unknown): Reason | undefined {
  if (error instanceof Refusal) return error.reason;
  return error instanceof Error && error.cause instanceof Refusal ? error.cause.reason : undefined;
}
