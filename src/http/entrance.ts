/** The door of the server: a name for each request, the health checks, and nothing for foreign hosts. */
import { randomUUID } from "node:crypto";
import type { RequestListener } from "node:http";
import Koa, { type Context, type Middleware } from "koa";
import { refuse } from "../errors.ts";
import type { Logger } from "../log.ts";
import { stateOf } from "./house.ts";

/** Names the request and tells its address; where the log is detailed, says what became of it. */
export function requestLog(log: Logger, trustedProxies: number, detailed: boolean): Middleware {
  return function logRequest(ctx, next) {
    const started = performance.now();
    const address = clientAddress(
      ctx.req.socket.remoteAddress ?? "",
      ctx.get("x-forwarded-for"),
      trustedProxies,
    );
    Object.assign(ctx.state, { requestId: randomUUID(), address });
    const { requestId } = stateOf(ctx);
    ctx.set("x-request-id", requestId);
    if (!detailed) return next();
    return next().then(() => {
      const ms = Math.round(performance.now() - started);
      const { method, status } = ctx;
      // The path only: queries carry codes, hints and state.
      log.debug({ requestId, method, path: pathForLog(ctx.path), status, ms }, "request");
    });
  };
}

/** Paths name interactions and one-time links; the log gets their shape. */
function pathForLog(path: string): string {
  return path.replace(/[A-Za-z0-9_-]{20,}/g, ":id");
}

/**
 * The client's address: of the list that proxies made, the entry that the outermost trusted one wrote. Without trusted
 * proxies the headers are whatever the client likes, and do not count.
 */
export function clientAddress(peer: string, forwardedFor: string, trustedProxies: number): string {
  if (trustedProxies === 0) return peer;
  const hop = forwardedFor.split(",").at(-trustedProxies);
  return (hop && withoutPort(hop.trim())) || peer;
}

/** Some proxies write the client's port too, which is another one for each connection. */
function withoutPort(hop: string): string {
  return hop.replace(/^\[([^\]]*)\](?::\d+)?$/, "$1").replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
}

/** `/livez`: the process answers. `/readyz`: it can do its work. On any host, because probes know no names. */
export function health(ready: () => Promise<boolean>): Middleware {
  const answer = async (ctx: Context) => {
    if (ctx.method !== "GET" && ctx.method !== "HEAD") throw refuse("method_not_allowed");
    const healthy = ctx.path === "/livez" || (await ready());
    ctx.status = healthy ? 200 : 503;
    if (!healthy) ctx.set("retry-after", "1");
    ctx.body = { status: healthy ? "ok" : "unavailable" };
  };
  return function answerHealth(ctx, next) {
    return ctx.path === "/livez" || ctx.path === "/readyz" ? answer(ctx) : next();
  };
}

/** The same on a port of its own, with nothing else on it. */
export function healthHandler(ready: () => Promise<boolean>, log: Logger): RequestListener {
  const app = new Koa();
  app.use(health(ready));
  app.on("error", (error) => log.error({ err: error }, "the health check failed"));
  return app.callback();
}

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
