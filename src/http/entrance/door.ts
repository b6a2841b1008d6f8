/** The door: nothing for foreign hosts, and nothing from a foreign store. */
import type { Context, Middleware } from "koa";
import { refuse } from "../../errors.ts";

/** Serves nothing from a store that is not the one of this installation. */
export function ownStore(isOurs: () => boolean): Middleware {
  return function refuseForeignStore(_ctx, next) {
    if (!isOurs()) throw refuse("store_unavailable");
    return next();
  };
}

const LOOPBACK = /^(127\.0\.0\.1|\[::1\])(:\d+)?$/;

/**
 * Answers to the issuer's host only. Discovery and every link follow the request's host, so a foreign one would be
 * handed out to others. What proxies say about host and scheme is replaced by what the issuer says.
 */
export function ownHost(issuer: URL): Middleware {
  return function refuseForeignHosts(ctx, next) {
    const { headers, rawHeaders, url = "/" } = ctx.req;
    const host = headers.host ?? "";
    // Of two names each proxy on the way may have believed another one (RFC 9112, section 3.2).
    if (rawHeaders.filter(isHost).length > 1) throw refuse("host_refused");
    if (!url.startsWith("/")) throw refuse("host_refused");
    if (host.toLowerCase() !== issuer.host) {
      if (!isPageOnLoopback(issuer, host, ctx)) throw refuse("host_refused");
      ctx.status = 302;
      ctx.set("location", `${issuer.origin}${url.replace(/^\/+/, "/")}`);
      ctx.body = "";
      return undefined;
    }
    delete headers["x-forwarded-host"];
    delete headers["x-forwarded-port"];
    headers["x-forwarded-proto"] = issuer.protocol.slice(0, -1);
    return next();
  };
}

/** Names stand at even places, each before its value. */
function isHost(text: string, at: number): boolean {
  return at % 2 === 0 && text.length === 4 && text.toLowerCase() === "host";
}

/** What programs ask for by the address that discovery gave them; anything else is a page that somebody typed. */
const FOR_PROGRAMS = /^\/(\.well-known|api|jwks|me|request|token|device\/auth)(\/|$)/;

function isPageOnLoopback(issuer: URL, host: string, { method, path }: Context): boolean {
  return (
    issuer.hostname === "localhost" &&
    (method === "GET" || method === "HEAD") &&
    !FOR_PROGRAMS.test(path) &&
    LOOPBACK.test(host) &&
    portOf(host) === portOf(issuer.host)
  );
}

function portOf(host: string): string {
  return /:(\d+)$/.exec(host)?.[1] ?? "";
}
