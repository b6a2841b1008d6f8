/**
 * Signs and checks cookies. Does what the `keygrip` package does, with SHA-256 and one HMAC for a check instead of
 * three; every request of a sign-in checks several.
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";

/** What the `cookies` package asks of its keys. */
export interface CookieKeys {
  sign(data: string): string;
  verify(data: string, digest: string): boolean;
  /** Which key made the signature, newest first; -1 for none. Above 0 the cookie is signed again with the newest. */
  index(data: string, digest: string): number;
}

/** @param secrets newest first */
export function cookieKeys(secrets: readonly string[]): CookieKeys {
  // Imported once: an import costs as much as what it is for.
  const keys = secrets.map((secret) => createSecretKey(Buffer.from(secret)));
  const [newest] = keys;
  if (newest === undefined) throw new TypeError("cookies need a key");
  const digestWith = (key: KeyObject, data: string) => createHmac("sha256", key).update(data).digest();
  const index = (data: string, digest: string) => {
    const given = Buffer.from(digest, "base64url");
    return keys.findIndex((key) => {
      const right = digestWith(key, data);
      return given.length === right.length && timingSafeEqual(given, right);
    });
  };
  return {
    sign: (data) => digestWith(newest, data).toString("base64url"),
    verify: (data, digest) => index(data, digest) > -1,
    index,
  };
}
