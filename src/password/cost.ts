/**
 * What verifying a hash costs, told from its numbers alone, before any of the work is done: a hash of absurd cost in
 * an import file must not keep the server busy for an hour.
 */
import type { Millis } from "../store/store.ts";
import type { LegacyHash } from "./hash.ts";

export interface Cost {
  /** MiB. */
  memory: number;
  /** On a core of a server of some years ago: an estimate, the same on every machine. */
  time: Millis;
}

const KIB = 1024;
/** Measured: milliseconds for 2 rounds, for a MiB written and read once, for an iteration. */
const BCRYPT = 0.055;
const ARGON2 = 1.1;
const SCRYPT = 3.6;
const PBKDF2 = { sha1: 0.000_3, sha256: 0.000_4, sha512: 0.000_6 };
const DIGEST = { sha1: 20, sha256: 32, sha512: 64 };

export function costOf(hash: LegacyHash): Cost {
  switch (hash.scheme) {
    case "argon2": {
      const memory = hash.memory / KIB;
      return { memory, time: ARGON2 * memory * hash.passes };
    }
    case "bcrypt":
      return { memory: 0, time: BCRYPT * 2 ** hash.cost };
    case "scrypt": {
      const memory = (128 * hash.r * 2 ** hash.logN) / KIB ** 2;
      return { memory: memory + (128 * hash.r * hash.p) / KIB ** 2, time: SCRYPT * memory * hash.p };
    }
    case "pbkdf2": {
      const blocks = Math.ceil(hash.hash.length / DIGEST[hash.digest]);
      return { memory: 0, time: PBKDF2[hash.digest] * hash.iterations * blocks };
    }
  }
}

/** Whether it stays within what the operator accepts. */
export function isAffordable(hash: LegacyHash, most: Cost): boolean {
  const { memory, time } = costOf(hash);
  return memory <= most.memory && time <= most.time;
}

/** Whether verifying one takes longer than verifying the other. */
export function isCostlier(hash: LegacyHash, than: LegacyHash): boolean {
  return costOf(hash).time > costOf(than).time;
}
