/** A secret of this browser, to which challenges are bound: a session cookie that says nothing else. */
import { randomBytes } from "node:crypto";
import type { Context } from "koa";

const PATTERN = /^[A-Za-z0-9_-]{43}$/;

/** The browser's secret; gives it one when it has none. */
export function browserOf(ctx: Context, issuer: URL): string {
  const secure = issuer.protocol === "https:";
  const name = `${secure ? "__Host-" : ""}latchkey_browser`;
  const known = ctx.cookies.get(name, { signed: true });
  if (known !== undefined && PATTERN.test(known)) return known;
  const fresh = randomBytes(32).toString("base64url");
  ctx.cookies.set(name, fresh, { signed: true, httpOnly: true, sameSite: "lax", secure, overwrite: true });
  return fresh;
}
