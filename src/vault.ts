/**
 * What the root secret is for: it wraps what is stored and derives what may change.
 *
 * Several secrets may be given, newest first: the newest wraps, all of them open, so that the secret can be rotated.
 * What must never change (signing keys, keyed-hash keys) is random, made once and stored wrapped, never derived.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { refuse } from "./errors.ts";

/** A secret is text with at least this many bytes. */
export const SECRET_BYTES = 32;

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Wraps and opens small values under the root secret (AES-256-GCM). */
export interface Vault {
  /** `context` names what is wrapped; the same context opens it, so that one wrapped value cannot stand for another. */
  wrap(value: string, context: string): string;
  /** @throws `secret_mismatch` when none of the secrets fits. */
  open(wrapped: string, context: string): string;
  /** Whether the newest secret opens it; otherwise it is to be wrapped anew, so that the older ones can go. */
  isCurrent(wrapped: string, context: string): boolean;
  /** One derived key for each secret, newest first: for cookie signatures and nonces, which may change. */
  derive(purpose: string): string[];
}

function subkey(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "latchkey", purpose, 32));
}

/**
 * Makes a vault of one or more secrets, newest first.
 *
 * @example
 * ```ts
 * const vault = createVault(["a secret of at least thirty-two bytes"]);
 * vault.open(vault.wrap("value", "keys"), "keys"); // "value"
 * ```
 */
export function createVault(secrets: readonly string[]): Vault {
  const [newest] = secrets;
  if (newest === undefined || secrets.some((secret) => Buffer.byteLength(secret) < SECRET_BYTES)) {
    throw new TypeError(`a secret needs at least ${SECRET_BYTES} bytes`);
  }
  const keys = secrets.map((secret) => subkey(secret, "wrap"));
  return {
    wrap: (value, context) => seal(keys[0] as Buffer, value, context),
    open(wrapped, context) {
      for (const key of keys) {
        const value = unseal(key, wrapped, context);
        if (value !== undefined) return value;
      }
      throw refuse("secret_mismatch");
    },
    isCurrent: (wrapped, context) => unseal(keys[0] as Buffer, wrapped, context) !== undefined,
    derive: (purpose) => secrets.map((secret) => subkey(secret, purpose).toString("base64url")),
  };
}

function seal(key: Buffer, value: string, context: string): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(context));
  return Buffer.concat([iv, cipher.update(value, "utf8"), cipher.final(), cipher.getAuthTag()]).toString(
    "base64url",
  );
}

function unseal(key: Buffer, wrapped: string, context: string): string | undefined {
  const bytes = Buffer.from(wrapped, "base64url");
  if (bytes.length < IV_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, IV_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const text = decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES));
    return Buffer.concat([text, decipher.final()]).toString("utf8");
  } catch {
    return undefined;
  }
}
