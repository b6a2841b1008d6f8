/**
 * A host may have its provider under a path of its own. Our pages speak of addresses as if there were none; here, where
 * they leave, the path is put before them.
 */
import type { Context, Middleware } from "koa";
import { stateOf } from "./request.ts";

/** Attributes of our own templates that hold addresses. A value that came from outside cannot end an attribute. */
const ADDRESS = /\s(href|src|action|data-[a-z-]+)="\/(?!\/)/g;

const PATH = /^(\/[\w.~-]+)+$/;

/**
 * The path that the provider is mounted under, as the library itself finds it: by what Express, Connect and Koa leave
 * in the request. Empty at the root.
 */
export function baseOf({ req, request, mountPath }: Context & { mountPath?: string }): string {
  const { originalUrl, baseUrl } = req as { originalUrl?: string; baseUrl?: string };
  const before = originalUrl?.slice(0, Math.max(0, originalUrl.indexOf(request.url)));
  const base = (before || mountPath || baseUrl || "").replace(/\/$/, "");
  // Whatever is no plain path may have been made up by the one who asks.
  return PATH.test(base) ? base : "";
}

/** Puts the base before every address of ours in an answer: a redirect, a `{ location }`, a page. */
export const underBase: Middleware = async (ctx, next) => {
  const { base } = stateOf(ctx);
  await next();
  if (!base) return;
  const location = ctx.response.get("location");
  if (isOurs(location)) ctx.set("location", base + location);
  const { body } = ctx as { body: unknown };
  if (typeof body === "string" && ctx.response.is("html")) ctx.body = pageUnder(base, body);
  else if (hasLocation(body)) ctx.body = { ...body, location: base + body.location };
};

/** The whole address of a page of ours, for what is read elsewhere: the issuer names the path that it is under. */
export function addressOf(issuer: URL, path: string): string {
  return issuer.origin + issuer.pathname.replace(/\/$/, "") + path;
}

function pageUnder(base: string, html: string): string {
  return html.replace(ADDRESS, ` $1="${base}/`);
}

function hasLocation(body: unknown): body is { location: string } {
  const { location } = (body ?? {}) as { location?: unknown };
  return typeof location === "string" && isOurs(location);
}

function isOurs(location: string): boolean {
  return /^\/(?!\/)/.test(location);
}
