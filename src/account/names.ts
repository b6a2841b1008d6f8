/**
 * The names of an account: usernames, e-mail addresses, display names.
 *
 * Each has one canonical form, and only that form is compared and indexed; what a person typed is kept for showing.
 * `parse…` gives `undefined` for what is not such a name, `check…` refuses it.
 */
import { randomBytes } from "node:crypto";
import { domainToASCII } from "node:url";
import { type ErrorCode, refuse } from "../errors.ts";

/** Longer input is refused before any Unicode work is spent on it. */
const LONGEST_INPUT = 512;

/** ASCII alone: after NFKC nothing is left that could look like something else, be invisible, or be white space. */
const USERNAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** Room for a suffix such as `-2` within the 64 characters. */
const LONGEST_BASE = 48;

/** How many numbered usernames are offered before random ones. */
const NUMBERED = 5;
const RANDOM = 4;

/** RFC 5321, section 4.5.3.1: octets of the local part, and of the whole path without its brackets. */
const LOCAL_PART = 64;
const ADDRESS = 254;

/** What an unquoted local part may hold (RFC 5322 `atext`, RFC 6531), and a host name's labels once in ASCII. */
const LOCAL = /^[^\s\p{C}\p{Z}"(),:;<>@[\\\]]+$/u;
/** Before a domain goes through the URL host parser, which would cut at a slash and undo percent signs. */
const DOMAIN_TYPED = /^[\p{L}\p{M}\p{N}._-]+$/u;
const DOMAIN =
  /^(?!(.*\.)?\d+$)(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/** Controls, separators of lines, lone surrogates, and what turns the direction of writing around (UAX #9). */
const UNSHOWABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;
const LONGEST_NAME = 128;

/** An e-mail address: as it was typed, and as it is compared. */
export interface EmailAddress {
  typed: string;
  canonical: string;
}

/** The canonical form of a username: NFKC, lower case, 1 to 64 of `a-z 0-9 . _ -`, a letter or digit first. */
export function parseUsername(text: string): string | undefined {
  if (text.length > LONGEST_INPUT) return undefined;
  const name = text.normalize("NFKC").toLowerCase();
  return USERNAME.test(name) ? name : undefined;
}

/** @throws `username_invalid` */
export function checkUsername(text: string): string {
  return demand(parseUsername(text), "username_invalid");
}

/**
 * An e-mail address without surrounding white space. Compared are the local part in NFKC and lower case, although
 * a host could tell `Jane` from `jane`, and the domain as ASCII (`xn--…`); mail goes to what was typed.
 */
export function parseEmail(text: string): EmailAddress | undefined {
  const typed = text.length > LONGEST_INPUT ? "" : text.trim().normalize("NFC");
  const at = typed.lastIndexOf("@");
  const local = typed.slice(0, Math.max(at, 0)).normalize("NFKC").toLowerCase();
  const host = typed.slice(at + 1);
  const domain = DOMAIN_TYPED.test(host) ? domainToASCII(host) : "";
  if (!LOCAL.test(local) || !DOMAIN.test(domain)) return undefined;
  const canonical = `${local}@${domain}`;
  if (Buffer.byteLength(local) > LOCAL_PART || Buffer.byteLength(canonical) > ADDRESS) return undefined;
  return { typed, canonical };
}

/** @throws `email_invalid` */
export function checkEmail(text: string): EmailAddress {
  return demand(parseEmail(text), "email_invalid");
}

/** One text for all spellings of a name that somebody signs in with, whether or not anybody has it. */
export function canonicalLogin(text: string): string {
  return parseEmail(text)?.canonical ?? parseUsername(text.trim()) ?? text.slice(0, LONGEST_INPUT);
}

/** A name to show, of a person or a passkey: 1 to 128 characters after trimming, nothing that hides or turns text. */
export function parseDisplayName(text: string): string | undefined {
  const name = text.length > LONGEST_INPUT ? "" : text.trim().normalize("NFC");
  const length = [...name].length;
  return length > 0 && length <= LONGEST_NAME && !UNSHOWABLE.test(name) ? name : undefined;
}

/** @throws `name_invalid` */
export function checkDisplayName(text: string): string {
  return demand(parseDisplayName(text), "name_invalid");
}

/** The longest beginning of a text that can be shown as a name; for names that other systems kept. */
export function displayable(text: string): string | undefined {
  return parseDisplayName([...text.trim()].slice(0, LONGEST_NAME).join(""));
}

/**
 * Usernames for somebody who chose none, best first: `jane`, `jane-2` … `jane-5`, then with random ends.
 * Each is canonical. The e-mail's local part (without `+tag`) comes before the name.
 */
export function* deriveUsernames(from: { email?: string; name?: string }): Generator<string> {
  const local = from.email?.slice(0, from.email.lastIndexOf("@")).replace(/\+.*$/s, "");
  const base = simplified(local ?? "") || simplified(from.name ?? "") || "user";
  yield base;
  for (let number = 2; number <= NUMBERED; number++) yield `${base}-${number}`;
  for (let more = 0; more < RANDOM; more++) yield `${base}-${randomBytes(4).toString("hex")}`;
}

/** `Zoë  O'Brien` becomes `zoe-o-brien`. */
function simplified(text: string): string {
  const plain = text.slice(0, LONGEST_INPUT).normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return plain
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+/, "")
    .slice(0, LONGEST_BASE)
    .replace(/[._-]+$/, "");
}

function demand<T>(value: T | undefined, code: ErrorCode): T {
  if (value === undefined) throw refuse(code);
  return value;
}
