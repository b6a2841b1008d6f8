/** A password hash, taken apart: what it is made with, and what must come out. */

export interface Argon2Hash {
  scheme: "argon2";
  type: "d" | "i" | "id";
  version: 16 | 19;
  /** KiB. */
  memory: number;
  passes: number;
  lanes: number;
  salt: Buffer;
  hash: Buffer;
}

export interface BcryptHash {
  scheme: "bcrypt";
  /** 2 to the power of this many rounds. */
  cost: number;
  /** The whole of it, as `2b`: 2a, 2b and 2y differ in bugs that were fixed, not in what they compute. */
  text: string;
}

export interface ScryptHash {
  scheme: "scrypt";
  /** The binary logarithm of N. */
  logN: number;
  r: number;
  p: number;
  salt: Buffer;
  hash: Buffer;
}

export interface Pbkdf2Hash {
  scheme: "pbkdf2";
  digest: "sha1" | "sha256" | "sha512";
  iterations: number;
  salt: Buffer;
  hash: Buffer;
}

export type LegacyHash = Argon2Hash | BcryptHash | ScryptHash | Pbkdf2Hash;

/** Longer text is no password hash. */
export const LONGEST_HASH = 1024;

/** Bytes that salts and results may have. */
const SALT = { least: 1, most: 256 };
const RESULT = { least: 10, most: 256 };

const within = (value: number, least: number, most: number) =>
  Number.isSafeInteger(value) && value >= least && value <= most;

/** The hash, if its numbers lie where its scheme allows them (RFC 9106, RFC 7914, RFC 8018). */
export function sound(hash: LegacyHash): LegacyHash | undefined {
  return isSound(hash) ? hash : undefined;
}

function isSound(hash: LegacyHash): boolean {
  if (hash.scheme === "bcrypt") return within(hash.cost, 4, 31);
  const bytes = within(hash.salt.length, SALT.least, SALT.most);
  if (!bytes || !within(hash.hash.length, RESULT.least, RESULT.most)) return false;
  if (hash.scheme === "pbkdf2") return within(hash.iterations, 1, 2 ** 31 - 1);
  if (hash.scheme === "scrypt") {
    const { logN, r, p } = hash;
    // Beyond these the computation is refused, and one that fails would tell its account from all others.
    return (
      within(r, 1, 2 ** 20) && within(p, 1, (2 ** 30 - 1) / r) && within(logN, 1, Math.min(31, 16 * r - 1))
    );
  }
  return (
    hash.salt.length >= 8 &&
    within(hash.lanes, 1, 255) &&
    within(hash.passes, 1, 2 ** 32 - 1) &&
    within(hash.memory, 8 * hash.lanes, 2 ** 32 - 1)
  );
}
