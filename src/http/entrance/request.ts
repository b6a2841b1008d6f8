/** What is known of a request before anybody looks at it: its name, and whose address it came from. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Context, Middleware } from "koa";
import type { ErrorCode } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { clientAddress } from "./address.ts";

/** What the outer middleware leaves for the pages. */
export interface RequestState {
  requestId: string;
  /** The client's address, as far as the configured proxies can be trusted. */
  address: string;
  /** The path that a host has the provider under; absent at the root. */
  base?: string;
}

export function stateOf(ctx: Context): RequestState {
  return ctx.state as RequestState;
}

const refusals = new WeakMap<IncomingMessage, ErrorCode>();

/** Keeps with what code a request was refused, for who counts answers when they are over. */
export function noteRefusal(request: IncomingMessage, code: ErrorCode): void {
  refusals.set(request, code);
}

/** The code of the error that a request was answered with; undefined for every other answer. */
export function refusalOf(request: IncomingMessage): ErrorCode | undefined {
  return refusals.get(request);
}

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
