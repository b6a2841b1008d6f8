/**
 * Goes on with an authorization request inside the request that finished its interaction, so that the browser goes
 * straight back to the app: one request, one write and one read fewer than by way of the library's resume address.
 *
 * The library's own middleware does the work. It is called as if the browser had come to that address, with the cookie
 * that is scoped to it; everything it checks there, it checks here.
 */
import type { Context, Next } from "koa";
import type Provider from "oidc-provider";
import { refuse } from "../errors.ts";
import type { Interaction } from "./interaction.ts";

/** True when the library's answer will be a redirect: neither a form that posts itself, nor a page for a device. */
export function canResumeWithin({ params, returnTo }: Interaction): boolean {
  return params.response_mode !== "form_post" && new URL(returnTo).pathname.startsWith("/auth/");
}

/**
 * Where the browser goes next: back to the app, or to a further interaction.
 *
 * @throws `interaction_expired` when the library answers anything but a redirect
 */
export async function resumeWithin(
  provider: Provider,
  ctx: Context,
  next: Next,
  { uid, returnTo }: Interaction,
) {
  const { req } = ctx;
  const { method, url } = req;
  const { cookie } = req.headers;
  const name = provider.cookieName("resume");
  const pair = `${name}=${uid}`;
  req.method = "GET";
  req.url = new URL(returnTo).pathname;
  // The first of two cookies with one name counts; what the browser brought may be planted.
  req.headers.cookie = `${pair}; ${name}.sig=${signerOf(ctx).sign(pair)}; ${cookie}`;
  try {
    await next();
  } finally {
    Object.assign(req, { method, url });
    req.headers.cookie = cookie;
  }
  const location = ctx.response.get("location");
  if (ctx.status !== 303 || location === "") throw refuse("interaction_expired");
  ctx.remove("location");
  ctx.status = 200;
  return location;
}

/** The keys that sign this provider's cookies, as the `cookies` package holds them. */
function signerOf(ctx: Context): { sign(data: string): string } {
  return (ctx.cookies as unknown as { keys: { sign(data: string): string } }).keys;
}
