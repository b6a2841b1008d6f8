/** The verification of an assertion's signature: the one place to replace when it is to be faster. */
import { verifyAuthenticationResponse } from "@simplewebauthn/server";
import { Refusal } from "./refusal.ts";
import type { RelyingParty } from "./relying-party.ts";
import type { AssertionAnswer } from "./response.ts";

/** The key that has to have signed. */
export interface VerificationKey {
  /** COSE key, base64url. */
  publicKey: string;
  algorithm: number;
}

/**
 * Whether the key signed this assertion. Everything else has been or will be judged by us: the library is given a
 * counter of 0 because it compares counters before signatures, and is not asked for UV because the reason
 * "not verified" may only be told of an assertion that is genuine.
 *
 * @throws Refusal `verification_failed` when the library refuses for another reason than the signature
 */
export async function verifyAssertion(
  rp: RelyingParty,
  answer: AssertionAnswer,
  key: VerificationKey,
): Promise<boolean> {
  const { id, clientDataJSON, authenticatorData, signature } = answer;
  if (key.algorithm === -7 && !isDer(Buffer.from(signature, "base64url"))) return false;
  try {
    const { verified } = await verifyAuthenticationResponse({
      response: {
        id,
        rawId: id,
        type: "public-key",
        response: { clientDataJSON, authenticatorData, signature },
        clientExtensionResults: {},
      },
      expectedChallenge: answer.clientData.challenge,
      expectedOrigin: [...rp.origins],
      expectedRPID: rp.id,
      requireUserVerification: false,
      credential: { id, publicKey: new Uint8Array(Buffer.from(key.publicKey, "base64url")), counter: 0 },
    });
    return verified === true;
  } catch (error) {
    throw new Refusal("verification_failed", error);
  }
}

/** Two positive integers of at most 33 bytes in the one encoding DER has; the library's parser takes BER. */
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
