/**
 * Reads a password hash as other systems wrote it: PHC strings, the modular crypt format, and the forms of passlib,
 * Django and Werkzeug that are neither.
 */
import { bytesFromH64, fromB64, fromPadded, numberFromH64 } from "./base64.ts";
import { type LegacyHash, LONGEST_HASH, type Pbkdf2Hash, sound } from "./hash.ts";

type Reader = (match: Record<string, string>) => LegacyHash | undefined;

/** Decimal without sign or leading zeros (PHC string format). */
const NUMBER = "(?:0|[1-9][0-9]{0,9})";
const B64 = "[A-Za-z0-9+/.]+";

/** Each form with its reader; the first that matches decides. Every expression is anchored and without backtracking. */
const forms: readonly (readonly [RegExp, Reader])[] = [
  [
    new RegExp(
      `^\\$argon2(?<type>id|i|d)(?:\\$v=(?<v>16|19))?\\$m=(?<m>${NUMBER}),t=(?<t>${NUMBER}),p=(?<p>${NUMBER})\\$(?<salt>${B64})\\$(?<hash>${B64})$`,
    ),
    argon2,
  ],
  [/^\$2[aby]\$(?<cost>\d\d)\$(?<rest>[./A-Za-z0-9]{53})$/, bcrypt],
  [
    new RegExp(
      `^\\$scrypt\\$ln=(?<n>${NUMBER}),r=(?<r>${NUMBER}),p=(?<p>${NUMBER})\\$(?<salt>${B64})\\$(?<hash>${B64})$`,
    ),
    scrypt,
  ],
  [
    /^\$7\$(?<n>[./A-Za-z0-9])(?<r>[./A-Za-z0-9]{5})(?<p>[./A-Za-z0-9]{5})(?<salt>[^$]{1,256})\$(?<hash>[./A-Za-z0-9]{43})$/,
    crypt7,
  ],
  [
    new RegExp(
      `^\\$pbkdf2(?<d>-sha1|-sha256|-sha512)?\\$(?:i=)?(?<i>${NUMBER})(?:,l=(?<l>${NUMBER}))?\\$(?<salt>${B64})\\$(?<hash>${B64})$`,
    ),
    pbkdf2,
  ],
  [
    new RegExp(
      `^pbkdf2_(?<d>sha1|sha256|sha512)\\$(?<i>${NUMBER})\\$(?<salt>[^$]{1,256})\\$(?<hash>[A-Za-z0-9+/]+={0,2})$`,
    ),
    django,
  ],
  [
    new RegExp(
      `^pbkdf2:(?<d>sha1|sha256|sha512):(?<i>${NUMBER})\\$(?<salt>[^$]{1,256})\\$(?<hash>(?:[0-9a-f]{2})+)$`,
    ),
    werkzeugPbkdf2,
  ],
  [
    new RegExp(
      `^scrypt:(?<n>${NUMBER}):(?<r>${NUMBER}):(?<p>${NUMBER})\\$(?<salt>[^$]{1,256})\\$(?<hash>(?:[0-9a-f]{2})+)$`,
    ),
    werkzeugScrypt,
  ],
];

/** The hash, or nothing: then it is no hash that can be verified. */
export function parseHash(text: string): LegacyHash | undefined {
  if (text.length > LONGEST_HASH) return undefined;
  for (const [form, read] of forms) {
    const match = form.exec(text);
    if (match?.groups) return read(match.groups);
  }
  return undefined;
}

function argon2({ type, v, m, t, p, salt, hash }: Record<string, string>): LegacyHash | undefined {
  const bytes = both(fromB64(salt ?? ""), fromB64(hash ?? ""));
  if (!bytes) return undefined;
  // Before the version was written down there was only 16.
  const version = v === "19" ? 19 : 16;
  const how = { memory: Number(m), passes: Number(t), lanes: Number(p) };
  return sound({ scheme: "argon2", type: type as "d" | "i" | "id", version, ...how, ...bytes });
}

function bcrypt({ cost, rest }: Record<string, string>): LegacyHash | undefined {
  return sound({ scheme: "bcrypt", cost: Number(cost), text: `$2b$${cost}$${rest}` });
}

function scrypt({ n, r, p, salt, hash }: Record<string, string>): LegacyHash | undefined {
  const bytes = both(fromB64(salt ?? ""), fromB64(hash ?? ""));
  return bytes && sound({ scheme: "scrypt", logN: Number(n), r: Number(r), p: Number(p), ...bytes });
}

/** crypt(5): the salt is taken as it stands. */
function crypt7({ n, r, p, salt, hash }: Record<string, string>): LegacyHash | undefined {
  const [logN, blocks, lanes] = [n, r, p].map((digits) => numberFromH64(digits ?? ""));
  const bytes = both(Buffer.from(salt ?? ""), bytesFromH64(hash ?? ""));
  if (logN === undefined || blocks === undefined || lanes === undefined || !bytes) return undefined;
  return sound({ scheme: "scrypt", logN, r: blocks, p: lanes, ...bytes });
}

function pbkdf2({ d, i, l, salt, hash }: Record<string, string>): LegacyHash | undefined {
  const bytes = both(fromB64(salt ?? ""), fromB64(hash ?? ""));
  if (!bytes || (l !== undefined && Number(l) !== bytes.hash.length)) return undefined;
  const digest = (d === undefined ? "sha1" : d.slice(1)) as Pbkdf2Hash["digest"];
  return sound({ scheme: "pbkdf2", digest, iterations: Number(i), ...bytes });
}

function django({ d, i, salt, hash }: Record<string, string>): LegacyHash | undefined {
  const bytes = both(Buffer.from(salt ?? ""), fromPadded(hash ?? ""));
  const digest = d as Pbkdf2Hash["digest"];
  return bytes && sound({ scheme: "pbkdf2", digest, iterations: Number(i), ...bytes });
}

function werkzeugPbkdf2({ d, i, salt, hash }: Record<string, string>): LegacyHash | undefined {
  const digest = d as Pbkdf2Hash["digest"];
  const bytes = { salt: Buffer.from(salt ?? ""), hash: Buffer.from(hash ?? "", "hex") };
  return sound({ scheme: "pbkdf2", digest, iterations: Number(i), ...bytes });
}

function werkzeugScrypt({ n, r, p, salt, hash }: Record<string, string>): LegacyHash | undefined {
  const logN = Math.log2(Number(n));
  const bytes = { salt: Buffer.from(salt ?? ""), hash: Buffer.from(hash ?? "", "hex") };
  return sound({ scheme: "scrypt", logN, r: Number(r), p: Number(p), ...bytes });
}

function both(
  salt: Buffer | undefined,
  hash: Buffer | undefined,
): { salt: Buffer; hash: Buffer } | undefined {
  return salt && hash && { salt, hash };
}
