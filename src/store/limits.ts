/** What keys, members, versions and spans may be, the same for every driver. */
import type { Key, Millis, Version } from "./store.ts";

/** Bytes of UTF-8 that a key, or a set and its member together, may have: what LMDB can hold in one page. */
export const MAX_KEY = 1900;

const KIND = /^[A-Za-z][\w-]*$/;
const VERSION = /^[\w-]{1,32}$/;
/** A hundred years. */
const MAX_TTL = 3_155_760_000_000;

/**
 * True when such a key can exist. A reader treats one that cannot as absent, since it may come from outside.
 *
 * @throws TypeError when the key names no kind.
 */
export function canExist(key: Key, member = ""): boolean {
  if (!KIND.test(key.slice(0, Math.max(0, key.indexOf(":"))))) {
    throw new TypeError("A key is `<kind>:<id>`, the kind in letters, digits, _ and -.");
  }
  const length = key.length + member.length;
  if (
    length > MAX_KEY ||
    (length * 3 > MAX_KEY && Buffer.byteLength(key) + Buffer.byteLength(member) > MAX_KEY)
  ) {
    return false;
  }
  // Half a surrogate pair has no UTF-8: two such keys would become one.
  return key.isWellFormed() && member.isWellFormed();
}

/** @throws TypeError when nothing can be kept under this key. */
export function requireKey(key: Key, member?: string): void {
  if (!canExist(key, member)) {
    throw new TypeError(`A key, and a set with its member, is well-formed text of at most ${MAX_KEY} bytes.`);
  }
}

/** @throws TypeError when the text cannot be a version. */
export function requireVersion(version: Version): void {
  if (!VERSION.test(version) || version === "absent") {
    throw new TypeError("A version is 1 to 32 characters of A-Z, a-z, 0-9, _ and -; see newVersion.");
  }
}

/** The kind that {@link Store.scan} walks. @throws TypeError when it is not one. */
export function requireKind(kind: string): void {
  if (!KIND.test(kind)) throw new TypeError("A kind is made of letters, digits, _ and -.");
}

/** A whole number of milliseconds, at least one: what has no time left is gone in the next millisecond. */
export function span(ttl: Millis): number;
export function span(ttl: Millis | undefined): number | undefined;
export function span(ttl: Millis | undefined): number | undefined {
  if (ttl === undefined) return undefined;
  if (typeof ttl !== "number" || !(ttl <= MAX_TTL)) {
    throw new TypeError("A time to live is a number of milliseconds, at most a hundred years.");
  }
  return Math.max(1, Math.ceil(ttl));
}

/** The value as JSON. @throws TypeError when it has none. */
export function toJson(value: unknown): string {
  const json = JSON.stringify(value);
  if (json === undefined) throw new TypeError("A value is JSON: undefined, functions and symbols are not.");
  return json;
}

/**
 * What stands before a value that `op` has taken. Its length makes sure that no op's mark begins another's.
 * The exclamation mark can begin no version.
 */
export function mark(op: string): string {
  if (op === "" || op.length > 256) throw new TypeError("An op is 1 to 256 characters.");
  return `!${op.length}:${op} `;
}

/** How long a taken value is kept for its taker to ask again. */
export const TAKEN_FOR: Millis = 60_000;
/** How many members a page of an ordered set has when nothing else is said. */
export const PAGE = 100;
/** How many records are read at a time in a walk. */
export const BATCH = 500;
/** Why a join is a mistake. */
export const MIXED = "Either every join of a set has a ttl, or none has.";
