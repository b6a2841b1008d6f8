/** New pairs of keys that sign tokens. */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from "jose";

/**
 * A fresh private key and its thumbprint (RFC 7638), which names it. None begins with a hyphen, because it is typed on
 * command lines, where a hyphen begins an option.
 */
export async function newKeyPair(alg: string): Promise<{ jwk: JWK; kid: string }> {
  for (;;) {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    const jwk = await exportJWK(privateKey);
    const kid = await calculateJwkThumbprint(jwk);
    if (!kid.startsWith("-")) return { jwk, kid };
  }
}
