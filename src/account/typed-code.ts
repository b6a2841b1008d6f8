/**
 * Codes that people type: recovery codes and temporary passes. 128 random bits in Crockford's base 32, in groups; read
 * back with any blanks, hyphens and case, and with the letters that look like digits taken for them.
 */
import { randomBytes } from "node:crypto";
import { fingerprint } from "../store/record.ts";

/** Crockford's digits: no I, L, O, which look like others, and no U. */
const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** 26 digits of five bits hold 128 bits; the last two bits are nought. */
const LENGTH = 26;
const GROUP = 5;

/** A fresh code as it is shown: `7Q4TK-…`, once; only its fingerprint is kept. */
export function newCode(): string {
  return codeOf(randomBytes(16));
}

/** The code of 16 bytes. */
export function codeOf(bytes: Uint8Array): string {
  const digits = encode(bytes);
  return digits.match(new RegExp(`.{1,${GROUP}}`, "g"))?.join("-") ?? digits;
}

/** The fingerprint of a typed code; `undefined` for what is no code at all. */
export function codeFingerprint(typed: string): string | undefined {
  const digits = typed
    .normalize("NFKC")
    .toUpperCase()
    .replace(/[\s\p{Pd}]/gu, "")
    .replace(/[IL]/g, "1")
    .replace(/O/g, "0");
  const isCode = digits.length === LENGTH && [...digits].every((digit) => DIGITS.includes(digit));
  return isCode ? fingerprint(`code:${digits}`) : undefined;
}

function encode(bytes: Uint8Array): string {
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  bits <<= BigInt(LENGTH * 5 - bytes.length * 8);
  let digits = "";
  for (let at = LENGTH - 1; at >= 0; at--) digits += DIGITS[Number((bits >> BigInt(at * 5)) & 31n)];
  return digits;
}
