/**
 * The short way into the house for programs: an ordinary request for tokens or claims is answered here; every other
 * goes on to the provider, untouched. What is checked at the door of the long way is checked at this one.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Middleware } from "koa";
import type { Logger } from "../log.ts";
import { authenticated } from "../oidc/short/client-authentication.ts";
import { type RedeemDependencies, type Redeemed, redeem } from "../oidc/short/redeem.ts";
import { type UserinfoDependencies, userinfo } from "../oidc/short/userinfo.ts";
import { headersFor } from "./headers.ts";
import { peek } from "./peek.ts";

export interface ShortWayOptions {
  issuer: URL;
  log: Logger;
  /** Whether each request is logged. */
  detailed: boolean;
  ways: UserinfoDependencies & RedeemDependencies;
}

type Answer = readonly [status: number, body: object];
/** `undefined`: the long way. */
type Way = (d: ShortWayOptions["ways"], request: IncomingMessage) => Promise<Answer | undefined>;

/** The addresses as discovery names them; in any other spelling they are the library's to understand. */
const WAYS: Readonly<Record<string, Way>> = { "GET /me": askUserinfo, "POST /token": askToken };

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
  const { issuer, ways } = options;
  const fixed = fixedHeaders(issuer);
  return function listen(request, response) {
    const way = WAYS[`${request.method} ${request.url}`];
    if (!way || !isPlain(request, issuer.host)) return void long(request, response);
    const started = performance.now();
    way(ways, request).then(
      (answered) => {
        if (!answered) return void long(request, response);
        const requestId = send(request, response, fixed, answered);
        if (options.detailed) logged(options.log, request, requestId, answered[0], started);
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

function isPlain({ headers, rawHeaders }: IncomingMessage, host: string): boolean {
  if (headers.host !== host || TELLING.some((name) => headers[name] !== undefined)) return false;
  if (!/^(\*\/\*|application\/json)?$/.test(headers.accept ?? "")) return false;
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

const BEARER = /^Bearer ([A-Za-z0-9_-]{43})$/;

async function askUserinfo(
  d: UserinfoDependencies,
  { headers }: IncomingMessage,
): Promise<Answer | undefined> {
  const token = BEARER.exec(headers.authorization ?? "")?.[1];
  if (token === undefined || headers["content-length"] !== undefined) return undefined;
  // Nothing was written, so whatever failed may fail again, or not, on the long way.
  const claims = await userinfo(d, token).catch(() => undefined);
  return claims && [200, claims];
}

const FORM = new Set(["grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret"]);
const FORM_TYPE = /^application\/x-www-form-urlencoded(; ?charset=utf-8)?$/i;
const VERIFIER = /^[\w.~-]{43,128}$/;

async function askToken(d: RedeemDependencies, request: IncomingMessage): Promise<Answer | undefined> {
  const { headers } = request;
  if (!FORM_TYPE.test(headers["content-type"] ?? "")) return undefined;
  const form = ordinaryForm(await peek(request));
  if (form?.grant_type !== "authorization_code" || !VERIFIER.test(form.code_verifier ?? "")) return undefined;
  const commit = await prepared(d, headers.authorization, form).catch(() => undefined);
  return commit && answer(await commit());
}

async function prepared(
  d: RedeemDependencies,
  authorization: string | undefined,
  {
    code = "",
    redirect_uri: redirectUri = "",
    code_verifier: verifier = "",
    ...rest
  }: Record<string, string>,
): Promise<(() => Promise<Redeemed>) | undefined> {
  const client = await authenticated(d.provider, authorization, rest);
  return client && redeem(d, client, { code, redirectUri, verifier });
}

/** What the library says to whoever comes second. */
const LOST = { error: "invalid_grant", error_description: "grant request is invalid" };

function answer(redeemed: Redeemed): Answer {
  return redeemed === "lost" ? [400, LOST] : [200, redeemed];
}

/** The parameters, when each is known and there once. */
function ordinaryForm(body: Buffer | undefined): Record<string, string> | undefined {
  if (!body) return undefined;
  const form: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(body.toString("utf8"))) {
    if (!FORM.has(name) || name in form) return undefined;
    form[name] = value;
  }
  return form;
}

function fixedHeaders(issuer: URL): string[] {
  const cors = {
    vary: "Origin",
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "DPoP-Nonce,WWW-Authenticate",
  };
  return Object.entries({ ...headersFor(issuer), ...cors }).flat();
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  fixed: readonly string[],
  [status, content]: Answer,
): string {
  const requestId = randomUUID();
  const body = JSON.stringify(content);
  response.writeHead(status, [
    ...["x-request-id", requestId, ...fixed, "content-type", "application/json; charset=utf-8"],
    ...["content-length", String(Buffer.byteLength(body))],
  ]);
  response.end(body);
  // A body that was only looked at is still there.
  request.resume();
  return requestId;
}

function logged(
  log: Logger,
  { method, url: path }: IncomingMessage,
  requestId: string,
  status: number,
  started: number,
): void {
  const ms = Math.round(performance.now() - started);
  log.debug({ requestId, method, path, status, ms, way: "short" }, "request");
}
