/**
 * Classes of hashes: those that cost the same, told by their numbers. A class is kept where a hash must not be, and a
 * hash of nothing is made of it again.
 */
import { randomBytes } from "node:crypto";
import { isCostlier } from "./cost.ts";
import { type LegacyHash, type Pbkdf2Hash, sound } from "./hash.ts";

/** `bcrypt:12`, `argon2:id:19:65536:3:4:16:32`: the scheme, its numbers, the lengths of salt and result. */
export function classOf(hash: LegacyHash): string {
  if (hash.scheme === "bcrypt") return `bcrypt:${hash.cost}`;
  const lengths = [hash.salt.length, hash.hash.length];
  const numbers = {
    argon2: () => {
      const { type, version, memory, passes, lanes } = hash as Extract<LegacyHash, { scheme: "argon2" }>;
      return [type, version, memory, passes, lanes];
    },
    scrypt: () => {
      const { logN, r, p } = hash as Extract<LegacyHash, { scheme: "scrypt" }>;
      return [logN, r, p];
    },
    pbkdf2: () => {
      const { digest, iterations } = hash as Pbkdf2Hash;
      return [digest, iterations];
    },
  };
  return [hash.scheme, ...numbers[hash.scheme](), ...lengths].join(":");
}

/** A hash of nothing, of this class; nothing when it names none. */
export function decoyOf(name: string): LegacyHash | undefined {
  const [scheme, ...parts] = name.split(":");
  const number = (at: number) => Number(parts.at(at));
  if (scheme === "bcrypt") {
    const cost = String(number(0)).padStart(2, "0");
    return sound({ scheme, cost: number(0), text: `$2b$${cost}$${".".repeat(53)}` });
  }
  if (!(number(-2) > 0 && number(-2) <= 256 && number(-1) > 0 && number(-1) <= 256)) return undefined;
  const bytes = { salt: randomBytes(number(-2)), hash: randomBytes(number(-1)) };
  switch (scheme) {
    case "argon2": {
      const type = parts[0] === "d" || parts[0] === "i" ? parts[0] : "id";
      const how = { memory: number(2), passes: number(3), lanes: number(4) };
      return sound({ scheme, type, version: number(1) === 16 ? 16 : 19, ...how, ...bytes });
    }
    case "scrypt":
      return sound({ scheme, logN: number(0), r: number(1), p: number(2), ...bytes });
    case "pbkdf2": {
      const digest = parts[0] === "sha1" || parts[0] === "sha512" ? parts[0] : "sha256";
      return sound({ scheme, digest, iterations: number(1), ...bytes });
    }
    default:
      return undefined;
  }
}

/** The costlier of a known class and that of a hash. */
export function slower(known: string | undefined, hash: LegacyHash): string {
  const before = known === undefined ? undefined : decoyOf(known);
  return known !== undefined && before && !isCostlier(hash, before) ? known : classOf(hash);
}
