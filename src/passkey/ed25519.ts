/**
 * Whether 32 bytes are a public key of Ed25519 that somebody can have made (RFC 8032, section 5.1.3).
 *
 * Not every version of Node.js looks: some import any 32 bytes, and under a key of small order they find signatures
 * valid that nobody made.
 */

const P = 2n ** 255n - 19n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

/** The y coordinates of the points whose order is 1, 2, 4 or 8. */
const SMALL_ORDER: readonly bigint[] = [
  0n,
  1n,
  P - 1n,
  2707385501144840649318225287225658788936804267575313519463743609750303402022n,
  55188659117513257062467267217118295137698188065244968500265048394206261417927n,
];

export function isEd25519Point(encoded: Uint8Array): boolean {
  if (encoded.length !== 32) return false;
  // Little-endian y, with the sign of x in the highest bit.
  const y = BigInt(`0x${Buffer.from(encoded).reverse().toString("hex")}`) & (2n ** 255n - 1n);
  if (y >= P || SMALL_ORDER.includes(y)) return false;
  // x² = (y² - 1) / (d y² + 1) has a root exactly when numerator times denominator is a square.
  const squared = y * y;
  return power((squared - 1n) * (D * squared + 1n), (P - 1n) / 2n) === 1n;
}

/** Modular exponentiation; the key is public, so the time it takes may show. */
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let factor = base % P;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * factor) % P;
    factor = (factor * factor) % P;
  }
  return result;
}
