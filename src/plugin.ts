/**
 * Passkeys for an `oidc-provider`: what its configuration gains, and what is mounted on it. The server is this plugin
 * on a provider of its own.
 */
import type { Middleware } from "koa";
import type Provider from "oidc-provider";
import type { Configuration } from "oidc-provider";
import { isRefusal } from "./errors.ts";
import { eraseDue } from "./http/account/deletion.ts";
import { securityHeaders } from "./http/entrance/headers.ts";
import { type Admission, admission } from "./http/entrance/limits.ts";
import { ownSubmitPage } from "./http/library/pages.ts";
import { failure } from "./http/page/failure.ts";
import type { House } from "./http/page/house.ts";
import { ownAddresses, routes } from "./http/routes.ts";
import { closeOver } from "./oidc/belongings.ts";
import { contribution } from "./oidc/contribution.ts";

/** Everything the pages need but the provider and what hangs on it, which does not exist before its configuration does. */
export type Foundation = Omit<House, "provider" | "endSessions">;

export interface Passkeys {
  /** The part of the provider's configuration that makes it sign in with passkeys. */
  contribution: Configuration;
  /** Counts new interactions for an address, since anybody can ask for one. */
  admit: Admission;
  /**
   * Puts headers, errors, one request's work on the store, and our routes before the provider's own. `entrance` runs
   * within headers and errors, before anything touches the store.
   *
   * @returns what is to be done now and then, by one instance at a time
   */
  mount(provider: Provider, entrance?: readonly Middleware[]): { tidy(): Promise<number> };
  /** The addresses that are ours, as patterns. */
  addresses: readonly string[];
}

export function passkeysFor(foundation: Foundation): Passkeys {
  const admit = admission(foundation.store, "interactions", foundation.limits.ceremonies);
  return {
    contribution: contribution(foundation, { admit }),
    admit,
    addresses: ownAddresses,
    mount(provider, entrance = []) {
      const open = { ...foundation, provider };
      const house: House = { ...open, endSessions: (account) => closeOver(open, account) };
      provider.use(securityHeaders(house.issuer));
      provider.use(failure(house.renderer, house.log));
      provider.use(ownSubmitPage(house.renderer));
      for (const middleware of entrance) provider.use(middleware);
      provider.use(oneUnitOfWork(house));
      provider.use(routes(house));
      return { tidy: () => eraseDue(house) };
    },
  };
}

/**
 * Nothing is answered before everything that the request wrote is stored. What the library answers as a fault of its
 * own, because the store was away under it, is said as what it is, and nothing of the request is stored.
 */
function oneUnitOfWork({ unit, provider }: House): Middleware {
  const refusals = new WeakMap<object, unknown>();
  provider.on("server_error", (ctx, error) => {
    if (isRefusal(error)) refusals.set(ctx, error);
  });
  return function flush(ctx, next) {
    const said = () => {
      if (refusals.has(ctx)) throw refusals.get(ctx);
    };
    const failed = (reason: unknown) => {
      said();
      throw reason;
    };
    return unit.run(() => next().then(said, failed), ctx);
  };
}
