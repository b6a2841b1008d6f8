/**
 * Signs and checks cookies. Does what the `keygrip` package does, with SHA-256 and one HMAC for a check instead of
 * three; every request of a sign-in checks several.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

/** What the `cookies` package asks of its keys. */
export interface CookieKeys {
  sign(data: string): string;
  verify(data: string, digest: string): boolean;
  /** Which key made the signature, newest first; -1 for none. Above 0 the cookie is signed again with the newest. */
  index(data: string, digest: string): number;
}

/** @param secrets newest first */
export function cookieKeys(secrets: readonly string[]): CookieKeys {
  const [newest] = secrets;
  if (newest === undefined) throw new TypeError("cookies need a key");
  const digestWith = (secret: string, data: string) => createHmac("sha256", secret).update(data).digest();
  const index = (data: string, digest: string) => {
    const given = Buffer.from(digest, "base64url");
    return secrets.findIndex((secret) => {
      const right = digestWith(secret, data);
      return given.length === right.length && timingSafeEqual(given, right);
    });
  };
  return {
    sign: (data) => digestWith(newest, data).toString("base64url"),
    verify: (data, digest) => index(data, digest) > -1,
    index,
  };
}
