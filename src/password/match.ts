/**
 * Whether a password is the one a hash was made of. The work is done in the thread pool, never on the event loop. What
 * knows a scheme is loaded with the first hash of it: most installations have one of them, or none.
 */
import { pbkdf2, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { Argon2Hash, LegacyHash, Pbkdf2Hash, ScryptHash } from "./hash.ts";

const derivePbkdf2 = promisify(pbkdf2);
/** `promisify` loses the form of scrypt that has options. */
const deriveScrypt = promisify<Buffer, Buffer, number, object, Buffer>(scrypt as never);

/** The numbers that the library knows versions and types by; its enumerations exist in declarations only. */
const TYPES = { d: 0, i: 1, id: 2 };
const VERSIONS = { 16: 0, 19: 1 };

/** Bytes of a password that bcrypt looks at. */
const BCRYPT_BYTES = 72;

export async function matches(hash: LegacyHash, password: string): Promise<boolean> {
  const bytes = Buffer.from(password);
  if (hash.scheme === "bcrypt") return matchesBcrypt(hash.text, bytes);
  return timingSafeEqual(await derive(hash, bytes), hash.hash);
}

async function derive(hash: Argon2Hash | ScryptHash | Pbkdf2Hash, password: Buffer): Promise<Buffer> {
  const { salt } = hash;
  const length = hash.hash.length;
  switch (hash.scheme) {
    case "argon2":
      return deriveArgon2(hash, password);
    case "scrypt": {
      const { logN, r, p } = hash;
      const maxmem = 128 * r * (2 ** logN + p + 2) + 1024 ** 2;
      return deriveScrypt(password, salt, length, { N: 2 ** logN, r, p, maxmem });
    }
    case "pbkdf2":
      return derivePbkdf2(password, salt, hash.iterations, length, hash.digest);
  }
}

async function deriveArgon2(hash: Argon2Hash, password: Buffer): Promise<Buffer> {
  const { hashRaw } = await import("@node-rs/argon2");
  return hashRaw(password, {
    algorithm: TYPES[hash.type],
    version: VERSIONS[hash.version],
    memoryCost: hash.memory,
    timeCost: hash.passes,
    parallelism: hash.lanes,
    outputLen: hash.hash.length,
    salt: hash.salt,
  });
}

/**
 * bcrypt looks at 72 bytes, and in the systems that hashes come from so does the one who types more: it still fits.
 * A NUL ends the password there or is refused; in neither case was one ever hashed, so none is right, at equal work.
 */
async function matchesBcrypt(text: string, password: Buffer): Promise<boolean> {
  const { verify } = await import("@node-rs/bcrypt");
  const fits = await verify(password.subarray(0, BCRYPT_BYTES), text);
  return fits && !password.includes(0);
}
