/** The one form in which hashes are kept: PHC strings, and bcrypt's own. */
import { toB64 } from "./base64.ts";
import type { LegacyHash } from "./hash.ts";

export function formatHash(hash: LegacyHash): string {
  if (hash.scheme === "bcrypt") return hash.text;
  const end = `${toB64(hash.salt)}$${toB64(hash.hash)}`;
  if (hash.scheme === "scrypt") return `$scrypt$ln=${hash.logN},r=${hash.r},p=${hash.p}$${end}`;
  if (hash.scheme === "pbkdf2")
    return `$pbkdf2-${hash.digest}$i=${hash.iterations},l=${hash.hash.length}$${end}`;
  const { type, version, memory, passes, lanes } = hash;
  return `$argon2${type}$v=${version}$m=${memory},t=${passes},p=${lanes}$${end}`;
}
