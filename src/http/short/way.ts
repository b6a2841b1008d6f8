/**
 * The short way into the house: an ordinary request to sign in, for tokens or for claims is answered here; every other
 * goes on to the provider, untouched. What is checked at the door of the long way is checked at this one.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Middleware } from "koa";
import type { Logger } from "../../log.ts";
import type { RedeemDependencies } from "../../oidc/short/redeem.ts";
import type { UserinfoDependencies } from "../../oidc/short/userinfo.ts";
import type { Watcher } from "../../oidc/watch.ts";
import { headersFor } from "../entrance/headers.ts";
import type { Answer } from "./answer.ts";
import { type AskAuthorization, askAuthorization } from "./authorization.ts";
import { askToken } from "./token.ts";
import { askUserinfo } from "./userinfo.ts";

export type Ways = UserinfoDependencies & RedeemDependencies & AskAuthorization;

export interface ShortWayOptions {
  issuer: URL;
  log: Logger;
  /** Whether each request is logged. */
  detailed: boolean;
  ways: Ways;
  /** Is told of token requests that were answered here. */
  watcher?: Watcher | undefined;
}

interface Way {
  /** What the asker takes for an answer. */
  accept: RegExp;
  /** What it issues tokens for. */
  grant?: string;
  /** `undefined`: the long way. */
  answer(d: Ways, request: IncomingMessage, query: string): Promise<Answer | undefined>;
}

const PROGRAM = /^(\*\/\*|application\/json)?$/;
const BROWSER = /\btext\/html\b/;

/** The addresses as discovery names them; in any other spelling they are the library's to understand. */
const WAYS: Readonly<Record<string, Way>> = {
  "GET /auth": { accept: BROWSER, answer: askAuthorization },
  "POST /token": { accept: PROGRAM, grant: "authorization_code", answer: askToken },
  "GET /me": { accept: PROGRAM, answer: askUserinfo },
};

/** Says what went wrong after something was written, on the long way, where errors are answered. */
const broken = new WeakMap<IncomingMessage, unknown>();

/** Stands where errors are answered, before anything of a request is done. */
export function brokenShortWay(): Middleware {
  return function answerBroken(ctx, next) {
    if (broken.has(ctx.req)) throw broken.get(ctx.req);
    return next();
  };
}

/** A listener that knows the short way, before the one that knows all. */
export function shortWay(options: ShortWayOptions, long: RequestListener): RequestListener {
  const { ways, log, detailed } = options;
  const fixed = Object.entries(headersFor(options.issuer)).flat();
  return function listen(request, response) {
    const [path, query = "", ...more] = request.url?.split("?") ?? [];
    const way = WAYS[`${request.method} ${path}`];
    if (!way || more.length > 0 || !isPlain(request, options.issuer.host, way)) {
      long(request, response);
      return;
    }
    const started = performance.now();
    way.answer(ways, request, query).then(
      (answer) => {
        if (!answer) return void long(request, response);
        const requestId = send(request, response, fixed, answer);
        if (way.grant && options.watcher) toldOf(answer, way.grant, options.watcher);
        if (detailed)
          logged(log, { requestId, method: request.method, path, status: answer.status }, started);
      },
      (error: unknown) => {
        broken.set(request, error);
        long(request, response);
      },
    );
  };
}

/** Nothing that a library, a browser or a proxy has more to say about. */
const TELLING = ["origin", "dpop", "content-encoding", "transfer-encoding", "upgrade", "expect"];

function isPlain({ headers, rawHeaders }: IncomingMessage, host: string, { accept }: Way): boolean {
  if (headers.host !== host || TELLING.some((name) => headers[name] !== undefined)) return false;
  if (!accept.test(headers.accept ?? "")) return false;
  // Of two names each proxy on the way may have believed another one; of two proofs each may mean somebody else.
  let names = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    if (/^(host|authorization|content-type|content-length)$/i.test(name)) names++;
    if (/^oauth-client-attestation/i.test(name)) return false;
  }
  const known = [headers.host, headers.authorization, headers["content-type"], headers["content-length"]];
  return names === known.filter((value) => value !== undefined).length;
}

/** The one error that is given here is that of a code which somebody else was faster with. */
function toldOf({ status }: Answer, grant: string, { issued, failed }: Watcher): void {
  if (status === 200) issued(grant);
  else failed("token", "invalid_grant");
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  fixed: readonly string[],
  { status, headers, body }: Answer,
): string {
  const requestId = randomUUID();
  const length = ["content-length", String(Buffer.byteLength(body))];
  response.writeHead(status, ["x-request-id", requestId, ...fixed, ...headers, ...length]);
  response.end(body);
  // A body that was only looked at is still there.
  request.resume();
  return requestId;
}

function logged(log: Logger, facts: Record<string, unknown>, started: number): void {
  log.debug({ ...facts, ms: Math.round(performance.now() - started), way: "short" }, "request");
}
