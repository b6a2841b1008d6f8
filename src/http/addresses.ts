/** What a request asked for, in one word of a closed set: for who counts requests, whatever strangers ask for. */
import { finder } from "./router.ts";

/** The library's own, and the demo's. */
const OTHERS = [
  "/auth",
  "/auth/:uid",
  "/token",
  "/token/introspection",
  "/token/revocation",
  "/me",
  "/jwks",
  "/request",
  "/device",
  "/device/auth",
  "/device/:uid",
  "/session/end",
  "/session/end/confirm",
  "/session/end/success",
  "/.well-known/openid-configuration",
  "/.well-known/oauth-authorization-server",
  "/demo",
  "/demo/sign-in",
  "/demo/callback",
  "/demo/sign-out",
  "/livez",
  "/readyz",
];

/** Every address that is none of them. */
export const UNKNOWN = "unknown";

/** Gives the pattern of an address, the query left off. @param own our own routes' addresses */
export function addressNamer(own: readonly string[]): (url: string) => string {
  const known = [...new Set([...own, ...OTHERS])];
  const find = finder(known.map((path) => ["get", path, path] as const));
  return (url) => {
    const end = url.indexOf("?");
    return find(end < 0 ? url : url.slice(0, end))?.methods.get("GET") ?? UNKNOWN;
  };
}
