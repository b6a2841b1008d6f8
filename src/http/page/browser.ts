/** A secret of this browser, to which challenges are bound: a session cookie that says nothing else. */
import type { Context } from "koa";
import { randomText } from "../../random.ts";

const PATTERN = /^[A-Za-z0-9_-]{43}$/;

/** The browser's secret, looked at once in a request; gives it one when it has none. */
export function browserOf(ctx: Context, issuer: URL): string {
  const state = ctx.state as { browser?: string };
  state.browser ??= knownBrowser(ctx, issuer) ?? newBrowser(ctx, issuer);
  return state.browser;
}

function cookieOf(issuer: URL): { name: string; secure: boolean } {
  const secure = issuer.protocol === "https:";
  return { name: `${secure ? "__Host-" : ""}latchkey_browser`, secure };
}

function knownBrowser(ctx: Context, issuer: URL): string | undefined {
  const known = ctx.cookies.get(cookieOf(issuer).name, { signed: true });
  return known !== undefined && PATTERN.test(known) ? known : undefined;
}

function newBrowser(ctx: Context, issuer: URL): string {
  const { name, secure } = cookieOf(issuer);
  const fresh = randomText(32);
  ctx.cookies.set(name, fresh, { signed: true, httpOnly: true, sameSite: "lax", secure, overwrite: true });
  return fresh;
}
