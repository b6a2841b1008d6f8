/**
 * The library's forms that decide something: they are on our own pages, and come from there. The secret in them is the
 * session's, so it does not help where the session itself was planted in the browser.
 */
import type { Middleware } from "koa";
import { assertSameOrigin } from "../page/input.ts";
import { libraryPath } from "./path.ts";

const DECIDING: readonly string[] = ["/device", "/session/end/confirm"];

export function ownForms(issuer: URL): Middleware {
  return function refuseForeignForms(ctx, next) {
    if (ctx.method === "POST" && DECIDING.includes(libraryPath(ctx))) assertSameOrigin(ctx, issuer);
    return next();
  };
}
