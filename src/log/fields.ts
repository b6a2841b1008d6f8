/** What the fields of a log line may hold: short, printable, and no secret. */

export type Fields = Readonly<Record<string, unknown>>;

const LONGEST = 256;
const DEEPEST = 4;
const MOST = 32;
const HIDDEN = "[redacted]";

/** Names whose text is a bearer value, whatever it looks like. */
const SECRET_NAME =
  /pass_?(word|wd|phrase|code)|^pass$|secret|token|cookie|authorization|assertion|challenge|verifier|private_?key|api_?key|recovery_?code|user_?code|credentials|jwks?$|^(d|k|otp|pin|nonce)$/i;
/** `code` is an error's code or an authorization code; only the first is made of lower-case words. */
const ERROR_CODE = /^([a-z]{1,24}(_[a-z]{1,24}){0,5}|[A-Z][A-Z_]{2,40})$/;
/** Bearer values in the middle of a text: query members, the Authorization header, addresses with a password. */
const IN_TEXT: readonly [RegExp, string][] = [
  [
    /([?&#](?:state|nonce|[a-z_-]{0,40}(?:code|token|hint|secret|verifier|assertion|password))=)[^&#\s]{1,4096}/gi,
    `$1${HIDDEN}`,
  ],
  [/\b(Bearer|Basic|DPoP)\s{1,4}[A-Za-z0-9._~+/=-]{8,8192}/gi, `$1 ${HIDDEN}`],
  [/:\/\/[^/\s@]{0,512}@/g, `://${HIDDEN}@`],
];
/** Names that the line itself uses. */
const RESERVED = new Set(["level", "time", "msg", "pid", "hostname", "v"]);
/** C0, DEL and C1 controls, line and paragraph separators, and what reorders or hides text. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** One line of printable text, at most 256 characters, with bearer values in it replaced. */
export function oneLine(text: string): string {
  // Masked before it is cut, or half a secret would be left; nothing beyond 16 kB can matter.
  const masked = IN_TEXT.reduce((found, [pattern, by]) => found.replace(pattern, by), text.slice(0, 16_384));
  const cut = masked.length > LONGEST ? `${masked.slice(0, LONGEST - 1)}…` : masked;
  return visible(cut);
}

/** Text in which control characters are written out, so that a terminal shows them instead of obeying them. */
export function visible(text: string): string {
  return text.replace(UNPRINTABLE, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** JSON in which all of them are written out; JSON itself demands that of C0 alone (RFC 8259, section 7). */
export function visibleJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).split("\n").map(visible).join("\n");
}

/** The fields as they may be written. */
export function clean(fields: Fields): Record<string, unknown> {
  return members(fields, 0);
}

function members(fields: object, depth: number): Record<string, unknown> {
  const entries = Object.entries(fields).slice(0, MOST);
  return Object.fromEntries(
    entries.map(([name, value]) => [nameFor(name, depth), member(name, value, depth)]),
  );
}

function nameFor(name: string, depth: number): string {
  const line = oneLine(name).slice(0, 64);
  return depth === 0 && RESERVED.has(line) ? `${line}_` : line;
}

function member(name: string, value: unknown, depth: number): unknown {
  if (typeof value === "number" || typeof value === "boolean" || value === null || value === undefined)
    return value;
  if (name === "code") return typeof value === "string" && ERROR_CODE.test(value) ? value : HIDDEN;
  return SECRET_NAME.test(name) ? HIDDEN : printable(value, depth);
}

function printable(value: unknown, depth: number): unknown {
  if (typeof value === "string") return oneLine(value);
  if (typeof value !== "object" || value === null) return oneLine(String(value));
  if (value instanceof Error) return errorFields(value, depth);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof URL) return oneLine(value.href);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth >= DEEPEST) return "[…]";
  if (Array.isArray(value)) return value.slice(0, MOST).map((item) => member("", item, depth + 1));
  return members(value, depth + 1);
}

/** Type, code, message and where it was thrown; the causes below it. Other members may hold whole requests. */
function errorFields(error: Error, depth: number): Record<string, unknown> {
  const { code } = error as { code?: unknown };
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return {
    type: oneLine(error.name),
    ...(code === undefined ? {} : { code: member("code", code, depth) }),
    message: oneLine(error.message),
    stack: frames.slice(0, 8).map((line) => oneLine(line.trim())),
    ...(error.cause !== undefined && depth < DEEPEST ? { cause: printable(error.cause, depth + 1) } : {}),
  };
}
