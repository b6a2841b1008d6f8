/**
 * An authorization request may come as a POST (OpenID Connect Core, section 3.1.2.1). From another site it carries no
 * `SameSite=Lax` cookie, so it is sent on as a GET, which does; cookies need not be opened to other sites for it.
 */
import type { Middleware } from "koa";
import { readForm } from "./input.ts";

export function postToGet(): Middleware {
  return async function redirectAuthorizationPost(ctx, next) {
    if (ctx.method !== "POST" || ctx.path !== "/auth") return next();
    const form = await readForm(ctx);
    ctx.status = 303;
    ctx.set("location", `/auth?${form}`);
    ctx.body = "";
  };
}
