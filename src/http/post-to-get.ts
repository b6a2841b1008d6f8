/**
 * An authorization request and a request to sign out may come as a POST (OpenID Connect Core, section 3.1.2.1;
 * RP-Initiated Logout 1.0, section 2). From another site it carries no `SameSite=Lax` cookie, so it is sent on as a
 * GET, which does; cookies need not be opened to other sites for it.
 */
import type { Middleware } from "koa";
import { readForm } from "./input.ts";
import { libraryPath } from "./library-path.ts";

const FROM_APPS: readonly string[] = ["/auth", "/session/end"];

export function postToGet(): Middleware {
  return async function redirectPost(ctx, next) {
    const path = libraryPath(ctx);
    if (ctx.method !== "POST" || !FROM_APPS.includes(path)) return next();
    const form = await readForm(ctx);
    ctx.status = 303;
    ctx.set("location", `${path}?${form}`);
    ctx.body = "";
  };
}
