/**
 * An authorization request and a request to sign out may come as a POST (OpenID Connect Core, section 3.1.2.1;
 * RP-Initiated Logout 1.0, section 2). From another site it carries no `SameSite=Lax` cookie, so it is sent on as a
 * GET, which does; cookies need not be opened to other sites for it.
 */
import type { Context, Middleware } from "koa";
import { readForm } from "../page/input.ts";
import { libraryPath } from "./path.ts";

const FROM_APPS: readonly string[] = ["/auth", "/session/end"];

export function postToGet(): Middleware {
  const redirect = async (ctx: Context, path: string) => {
    const form = await readForm(ctx);
    ctx.status = 303;
    ctx.set("location", `${path}?${form}`);
    ctx.body = "";
  };
  return function redirectPost(ctx, next) {
    const path = ctx.method === "POST" ? libraryPath(ctx) : "";
    return FROM_APPS.includes(path) ? redirect(ctx, path) : next();
  };
}
