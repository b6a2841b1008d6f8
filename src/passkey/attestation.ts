/** The judgement on an attestation (WebAuthn Level 3, section 7.1). */
import type { VerifiedRegistrationResponse } from "@simplewebauthn/server";
import type { Passkey } from "../account/account.ts";
import { isOneCborItem } from "./cbor.ts";
import { type CeremonyTerms, requiresUserVerification } from "./ceremony.ts";
import {
  type AuthenticatorData,
  judgeAuthenticatorData,
  judgeClientData,
  readAuthenticatorData,
} from "./judge.ts";
import { providerName } from "./names.ts";
import { judgePublicKey } from "./public-key.ts";
import { Refusal } from "./refusal.ts";
import { ALGORITHMS, type RelyingParty } from "./relying-party.ts";
import type { AttestationAnswer } from "./response.ts";
import { attestationTrust, judgeFormat, type TrustAnchors } from "./trust.ts";

/** What an attestation is judged by. */
export interface AttestationCase {
  rp: RelyingParty;
  answer: AttestationAnswer;
  terms: CeremonyTerms;
  anchors: TrustAnchors;
  /** Milliseconds since the epoch. */
  now: number;
}

/** The members of the attestation object that we look at ourselves. */
interface Statement {
  format: string;
  authenticatorData: Buffer;
  algorithm: unknown;
  certificates: Uint8Array[] | undefined;
}

type RegistrationInfo = Extract<VerifiedRegistrationResponse, { verified: true }>["registrationInfo"];

/**
 * Everything of section 7.1 but the challenge and the uniqueness of the credential id.
 *
 * @throws Refusal
 */
export async function judgeAttestation(given: AttestationCase): Promise<Passkey> {
  const { rp, answer, terms, anchors } = given;
  judgeClientData(answer.clientData, "webauthn.create", rp);
  const demanded = terms.attestation !== "none";
  const statement = await readStatement(answer.attestationObject);
  judgeFormat(statement.format, demanded);
  const data = readAuthenticatorData(statement.authenticatorData);
  judgeAuthenticatorData(data, rp, terms.conditional === true);
  if (!data.userVerified && requiresUserVerification(terms)) throw new Refusal("user_not_verified");
  const { credential, aaguid } = await verify(given);
  if (credential.id !== answer.id) throw new Refusal("credential_id_mismatch");
  const algorithm = judgePublicKey(credential.publicKey);
  // Section 8.2: a key that vouches for itself does it with its own algorithm; the library takes any.
  const self = statement.format === "packed" && statement.certificates === undefined;
  if (self && statement.algorithm !== algorithm) throw new Refusal("verification_failed");
  const attestation = await attestationTrust({ ...statement, aaguid }, anchors);
  if (demanded && attestation !== "verified") throw new Refusal("attestation_untrusted");
  const publicKey = Buffer.from(credential.publicKey).toString("base64url");
  return newPasskey(given, data, { id: credential.id, publicKey, algorithm, aaguid, attestation });
}

function newPasskey(
  { answer, now }: AttestationCase,
  { counter, backupEligible, backedUp }: AuthenticatorData,
  verified: Pick<Passkey, "id" | "publicKey" | "algorithm" | "aaguid" | "attestation">,
): Passkey {
  return {
    ...verified,
    counter,
    backupEligible,
    backedUp,
    transports: answer.transports,
    state: "pending",
    name: providerName(verified.aaguid) ?? "Passkey",
    created: now,
  };
}

/** Looks at the statement before the library does: one CBOR item, of a format and with members as they should be. */
async function readStatement(attestationObject: string): Promise<Statement> {
  const { decodeAttestationObject } = await import("./library.ts");
  const bytes = new Uint8Array(Buffer.from(attestationObject, "base64url"));
  if (!isOneCborItem(bytes)) throw new Refusal("malformed");
  const object = asMap(guarded(() => decodeAttestationObject(bytes)));
  const format = object.get("fmt");
  const data = object.get("authData");
  const members = asMap(object.get("attStmt"));
  const certificates = members.get("x5c");
  if (typeof format !== "string" || !(data instanceof Uint8Array)) throw new Refusal("malformed");
  if (certificates !== undefined && !isCertificates(certificates)) throw new Refusal("malformed");
  return { format, authenticatorData: Buffer.from(data), algorithm: members.get("alg"), certificates };
}

function isCertificates(value: unknown): value is Uint8Array[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => item instanceof Uint8Array);
}

function asMap(value: unknown): ReadonlyMap<unknown, unknown> {
  if (!(value instanceof Map)) throw new Refusal("malformed");
  return value;
}

function guarded<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw new Refusal("malformed", error);
  }
}

/** The library's part: RP ID hash, UP, UV, backup flags, the structure of authenticator data, the statement. */
async function verify({ rp, answer, terms }: AttestationCase): Promise<RegistrationInfo> {
  const { id, clientDataJSON, attestationObject } = answer;
  const { verifyRegistrationResponse } = await import("./library.ts");
  const verification = await verifyRegistrationResponse({
    response: {
      id,
      rawId: id,
      type: "public-key",
      response: { clientDataJSON, attestationObject },
      clientExtensionResults: {},
    },
    expectedChallenge: answer.clientData.challenge,
    expectedOrigin: [...rp.origins],
    expectedRPID: rp.id,
    requireUserPresence: terms.conditional !== true,
    requireUserVerification: requiresUserVerification(terms),
    supportedAlgorithmIDs: [...ALGORITHMS],
  }).catch((error: unknown) => {
    throw new Refusal("verification_failed", error);
  });
  if (!verification.verified) throw new Refusal("signature_invalid");
  return verification.registrationInfo;
}
