/** What a password leaves behind, recognised in bytes of any kind: hashes in the clear, our verifiers, and their keys. */

export interface Trace {
  /** The scheme of a hash; `verifier` for an encrypted one of ours, `key` for what opens those. */
  what: string;
  /** Where it begins. */
  at: number;
  /** The key that a verifier needs. */
  keyId?: string;
}

const B64 = "[A-Za-z0-9+/.]";

/** Each is anchored in a beginning that nothing else has, and without nested repetition. */
const forms: readonly (readonly [what: string, RegExp])[] = [
  ["verifier", /lkpw1\.(?<key>[\w-]{1,32})\.[\w-]{40}/g],
  ["key", /\{"wrapped":"[\w-]{60,256}","schema":\d+\}/g],
  ["key", /"sort":"key","id":"(?<key>[\w-]{1,32})","wrapped":"[\w-]{60}/g],
  ["bcrypt", /\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}/g],
  [
    "argon2",
    new RegExp(
      `\\$argon2(?:id|i|d)\\$(?:v=\\d{1,3}\\$)?m=\\d{1,10},t=\\d{1,10},p=\\d{1,10}\\$${B64}{4}`,
      "g",
    ),
  ],
  ["scrypt", new RegExp(`\\$scrypt\\$ln=\\d{1,3},r=\\d{1,10},p=\\d{1,10}\\$${B64}`, "g")],
  ["scrypt", /\$7\$[./A-Za-z0-9]{11}[^$\s]{0,128}\$[./A-Za-z0-9]{43}/g],
  ["scrypt", /scrypt:\d{1,10}:\d{1,10}:\d{1,10}\$[^$\s]{1,128}\$[0-9a-f]{32}/g],
  [
    "pbkdf2",
    new RegExp(
      `\\$pbkdf2(?:-sha\\d{1,3})?\\$(?:i=)?\\d{1,10}(?:,l=\\d{1,4})?\\$${B64}{1,256}\\$${B64}{14}`,
      "g",
    ),
  ],
  ["pbkdf2", /pbkdf2_sha\d{1,3}\$\d{1,10}\$[^$\s]{1,128}\$[A-Za-z0-9+/]{20}/g],
  ["pbkdf2", /pbkdf2:sha\d{1,3}:\d{1,10}\$[^$\s]{1,128}\$[0-9a-f]{32}/g],
  ["crypt", /\$[156]\$(?:rounds=\d{1,9}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{22}/g],
  ["keycloak", /\\?"secretData\\?"\s{0,8}:\s{0,8}\\?"\{/g],
];

/** Longer than any trace has to be to be recognised. */
export const LONGEST_TRACE = 1024;

/** Everything that stands in these bytes, in the order of the forms. */
export function tracesIn(bytes: Buffer): Trace[] {
  // One letter a byte, so that places are bytes.
  const text = bytes.toString("latin1");
  return forms.flatMap(([what, form]) =>
    [...text.matchAll(form)].map(({ index, groups }) => ({
      what,
      at: index,
      ...(groups?.key === undefined ? {} : { keyId: groups.key }),
    })),
  );
}
