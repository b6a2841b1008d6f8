/** ID tokens on the short way: signed at once, with a key that was imported once. */
import { createPrivateKey, sign } from "node:crypto";
import type { SigningKey } from "../keys.ts";

/** The one algorithm here; what others take longer for need not be short. */
export const ALGORITHM = "ES256";

/** Signs claims as a JWT in the compact form (RFC 7515, section 7.1). */
export type SignIdToken = (claims: object) => string;

/** @returns `undefined` when there is no key for {@link ALGORITHM} */
export function idTokenSigner(keys: readonly SigningKey[]): SignIdToken | undefined {
  const jwk = keys.find(({ alg, use, kty }) => alg === ALGORITHM && use === "sig" && kty === "EC");
  if (!jwk) return undefined;
  const key = {
    key: createPrivateKey({ key: { ...jwk }, format: "jwk" }),
    dsaEncoding: "ieee-p1363",
  } as const;
  const header = encoded({ alg: ALGORITHM, kid: jwk.kid });
  return (claims) => {
    const signed = `${header}.${encoded(claims)}`;
    return `${signed}.${sign("sha256", Buffer.from(signed), key).toString("base64url")}`;
  };
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}
