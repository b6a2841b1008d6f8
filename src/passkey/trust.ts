/**
 * What an attestation is worth. The library says "verified" of a statement whose signature holds, whoever made it: of
 * `none`, of a key that vouches for itself, and of a certificate that anybody wrote. So trust is decided here.
 */
import type { AttestationTrust } from "../account/account.ts";
import { Refusal } from "./refusal.ts";

/** The statement of an attestation object (WebAuthn Level 3, section 6.5.4), its signature already checked. */
export interface AttestationStatement {
  /** Attestation statement format identifier, such as `packed`. */
  format: string;
  /** AAGUID as text. */
  aaguid: string;
  /** The attestation certificate and its chain, DER; `undefined` where there is none. */
  certificates: readonly Uint8Array[] | undefined;
}

/** The roots that may vouch for an authenticator model, as PEM; none means that nobody may. */
export type TrustAnchors = (statement: Pick<AttestationStatement, "format" | "aaguid">) => readonly string[];

/** Nobody vouches for anything: the default. */
export const noTrustAnchors: TrustAnchors = () => [];

/** Formats taken where attestation is not asked for; browsers leave no other behind (section 5.1.3). */
const UNASKED_FORMATS: readonly string[] = ["none", "packed"];

/** Formats taken where it is, as far as the library can verify them; SafetyNet was switched off by its maker. */
const ASKED_FORMATS: readonly string[] = ["packed", "apple", "android-key", "tpm", "fido-u2f"];

/**
 * Refuses formats that this ceremony has no use for, before anything of the statement is parsed.
 *
 * @throws Refusal `attestation_format`, or `attestation_untrusted` for `none` where attestation is demanded
 */
export function judgeFormat(format: unknown, demanded: boolean): void {
  if (demanded && format === "none") throw new Refusal("attestation_untrusted");
  const taken = demanded ? ASKED_FORMATS : UNASKED_FORMATS;
  if (typeof format !== "string" || !taken.includes(format)) throw new Refusal("attestation_format");
}

/** What the statement proves. Only a chain to a root that was given for this very model is `verified`. */
export async function attestationTrust(
  statement: AttestationStatement,
  anchors: TrustAnchors,
): Promise<AttestationTrust> {
  if (statement.format === "none") return "none";
  if (!statement.certificates?.length) return statement.format === "packed" ? "self" : "unknown";
  const roots = anchors(statement);
  // Without roots the library's path validation is true for anything.
  if (roots.length === 0) return "unknown";
  const { convertCertBufferToPEM, validateCertificatePath } = await import("./certificates.ts");
  const chain = statement.certificates.map((certificate) =>
    convertCertBufferToPEM(new Uint8Array(certificate)),
  );
  const reaches = await validateCertificatePath(chain, [...roots]).catch(() => false);
  return reaches === true ? "verified" : "unknown";
}
