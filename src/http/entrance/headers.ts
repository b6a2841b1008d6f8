/** Security headers on every answer, errors included; no `unsafe-*` anywhere (ASVS 5.0, section 3.4). */
import type { Context, Middleware } from "koa";

const directives = {
  "default-src": "'none'",
  "script-src": "'self'",
  "style-src": "'self'",
  "img-src": "'self' data:",
  "connect-src": "'self'",
  "form-action": "'self'",
  "base-uri": "'none'",
  "frame-ancestors": "'none'",
} as const;

const policy = policyWith(directives["form-action"]);

function policyWith(formAction: string): string {
  return Object.entries({ ...directives, "form-action": formAction })
    .map(([name, value]) => `${name} ${value}`)
    .join("; ");
}

/** Headers that do not depend on the request. */
const fixed: Readonly<Record<string, string>> = {
  "content-security-policy": policy,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "permissions-policy": "publickey-credentials-get=(self), publickey-credentials-create=(self)",
  "cache-control": "no-store",
};

const OWN_PAGES = /^\/(account|admin|apps|invite|pass|setup|sign-in|sign-up)(\/|$)/;

/** The headers of every answer. */
export function headersFor(issuer: URL): Record<string, string> {
  const secure = issuer.protocol === "https:";
  return {
    ...fixed,
    ...(secure ? { "strict-transport-security": "max-age=63072000; includeSubDomains" } : {}),
  };
}

export function securityHeaders(issuer: URL): Middleware {
  const headers = Object.entries(headersFor(issuer));
  return function setHeaders(ctx, next) {
    for (const [name, value] of headers) ctx.res.setHeader(name, value);
    // Not on the pages an app may open in a window of its own: it would lose sight of the window it opened.
    if (OWN_PAGES.test(ctx.path)) ctx.set("cross-origin-opener-policy", "same-origin");
    return next().then(() => nameFormTarget(ctx));
  };
}

/**
 * Browsers apply `form-action` to the whole redirect chain behind a form. Where a page's form ends at an app on another
 * origin, exactly that answer names the one origin the request was validated for.
 */
export function allowFormTo(ctx: Context, target: string | undefined): void {
  if (target === undefined || !/^https?:/.test(target)) return;
  const current = ctx.response.get("content-security-policy");
  ctx.set(
    "content-security-policy",
    current.replace("form-action 'self'", `form-action 'self' ${new URL(target).origin}`),
  );
}

interface LibraryContext {
  route?: string;
  params?: Record<string, unknown>;
  session?: { state?: { postLogoutRedirectUri?: string } };
  entities?: { Interaction?: { params?: Record<string, unknown> } };
}

/** The library's own form pages: `form_post`, logout and its confirmation, the change of the session. */
function nameFormTarget(ctx: Context): void {
  const oidc = ctx.oidc as LibraryContext | undefined;
  // Only the library's own forms; it writes them after it has validated where they lead.
  if (!oidc?.route || typeof ctx.body !== "string" || !ctx.body.includes("<form")) return;
  const pending = oidc.params?.redirect_uri ?? oidc.entities?.Interaction?.params?.redirect_uri;
  const target = oidc.route.startsWith("end_session") ? oidc.session?.state?.postLogoutRedirectUri : pending;
  if (typeof target === "string") allowFormTo(ctx, target);
}
