/** Requests to a host's provider: ours are answered here with our headers and errors, all others are left alone. */
import type { Context, Middleware, Next } from "koa";
import { refuse } from "../errors.ts";
import { clientAddress } from "../http/entrance/address.ts";
import { baseOf, underBase } from "../http/entrance/base.ts";
import { securityHeaders } from "../http/entrance/headers.ts";
import type { RequestState } from "../http/entrance/request.ts";
import { failure } from "../http/page/failure.ts";
import type { House } from "../http/page/house.ts";
import { routes } from "../http/routes.ts";
import { newVersion } from "../store/record.ts";

/**
 * Of our table, what a provider gets that is somebody else's: no first owner, no administration, no front page, and
 * nothing that changes who somebody is, which stands in the host's own table.
 */
const PAGES =
  /^\/(?!account\/(name|email|delete)(\/|$))(interaction|undo|account|assets|sign-in|sign-up|recover|about|\.well-known\/(change-password|passkey-endpoints|webauthn))(\/|$)/;

export const isForHosts = (path: string): boolean => PAGES.test(path);

/** What our pages know of a request; the host's own state is no business of theirs, nor theirs of the host's. */
export function stateFor(ctx: Context, trustProxy: number): RequestState {
  const base = baseOf(ctx);
  return {
    requestId: newVersion(),
    address: clientAddress(ctx.req.socket.remoteAddress ?? "", ctx.get("x-forwarded-for"), trustProxy),
    ...(base === "" ? {} : { base }),
  };
}

/** Our routes, within everything that belongs to an answer of ours. */
export function ownRequests(house: House, trustProxy: number): Middleware {
  const answer = routes(house, isForHosts);
  const { unit } = house;
  const layers: Middleware[] = [
    underBase,
    securityHeaders(house.issuer),
    failure(house.renderer, house.log),
    (ctx, next) => {
      checkOrigin(house, ctx);
      return unit.run(next, ctx);
    },
    answer,
  ];
  return async function answerOurs(ctx, next) {
    if (!answer.has(ctx)) return next();
    const { state } = ctx;
    ctx.state = stateFor(ctx, trustProxy);
    try {
      // Each an async function, as koa has them: what is thrown at once is caught like all else.
      await layers.reduceRight<Next>((inner, layer) => async () => layer(ctx, inner), next)();
    } finally {
      ctx.state = state;
    }
  };
}

/**
 * Pages are the issuer's alone: elsewhere browsers would refuse the passkey, and links would lead to wherever a request
 * said it came to. A proxy that is not trusted looks the same.
 */
export function checkOrigin({ issuer, log }: Pick<House, "issuer" | "log">, ctx: Context): void {
  const origin = `${ctx.protocol}://${ctx.host.toLowerCase()}`;
  if (origin === issuer.origin) return;
  log.warn(
    { origin, issuer: issuer.origin },
    "a sign-in was asked for elsewhere than at the issuer; behind a proxy, set provider.proxy and passkeys({ trustProxy })",
  );
  throw refuse("host_refused");
}
