/** Who we are towards authenticators (WebAuthn Level 3, section 4, "Relying Party"). */
export interface RelyingParty {
  /** The RP ID: the issuer's host or a parent domain of it. */
  id: string;
  name: string;
  /** Origins that may run ceremonies, exact strings such as `https://id.example.com`. */
  origins: readonly string[];
}

/** COSE algorithms we offer, preferred first: ES256, EdDSA, RS256. */
export const ALGORITHMS: readonly number[] = [-7, -8, -257];
