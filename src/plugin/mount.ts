/** What would fail later without a word is refused at once: wrong providers, wrong order, missing keys. */
import type { Context } from "koa";
import Provider from "oidc-provider";

/** Once for each provider, whoever asks. */
const mounted = new WeakSet<object>();

/** @throws TypeError */
export function checkProvider(provider: Provider, issuer: URL, trustProxy: number): void {
  if (!(provider instanceof Provider)) {
    throw new TypeError(
      "keys.mount(): this provider comes from another copy of oidc-provider than latchkey uses; " +
        "install one copy for both (npm ls oidc-provider)",
    );
  }
  if (mounted.has(provider)) throw new TypeError("keys.mount(): called twice for one provider; call it once");
  if (provider.issuer !== issuer.href && provider.issuer !== issuer.href.replace(/\/$/, "")) {
    throw new TypeError(
      `keys.mount(): the provider's issuer is ${provider.issuer}, the one of passkeys() is ${issuer.href}; give both the same`,
    );
  }
  if ((keysOf(provider)?.length ?? 0) === 0) {
    throw new TypeError(
      "keys.mount(): the provider has no cookie keys, so anybody could forge its cookies: set cookies.keys",
    );
  }
  if (wasCalledBack(provider)) {
    throw new TypeError(
      "keys.mount(): after provider.callback() or listen() no route is seen any more: mount first",
    );
  }
  checkProxy(provider, trustProxy);
  mounted.add(provider);
}

function checkProxy(provider: Provider, trustProxy: number): void {
  if (provider.proxy && trustProxy === 0) {
    throw new TypeError(
      "keys.mount(): provider.proxy is true, so anybody's X-Forwarded-For would count: " +
        "say how many proxies are in front with passkeys({ trustProxy: 1 })",
    );
  }
  if (!provider.proxy && trustProxy > 0) {
    throw new TypeError(
      "keys.mount(): passkeys() trusts a proxy and the provider does not, so it would take https for http: " +
        "set provider.proxy = true",
    );
  }
}

function keysOf(provider: Provider): { length?: number } | undefined {
  const keys = (provider as unknown as { keys?: { length?: number; sign?: unknown } }).keys;
  return typeof keys?.sign === "function" ? { length: 1 } : keys;
}

/** Koa puts its own listener in place when it makes the handler. */
function wasCalledBack(provider: Provider): boolean {
  const app = provider as unknown as NodeJS.EventEmitter & { onerror: () => void };
  return app.listeners("error").includes(app.onerror);
}

/** What only a request shows. */
export interface Arrivals {
  /** Marks a request that came through our middleware. @throws TypeError for a host that is set up wrongly */
  arrive(ctx: Context): void;
  /** @throws TypeError when this request did not come through it */
  check(ctx: object): void;
}

export function arrivals(provider: Provider): Arrivals {
  const here = new WeakSet<object>();
  const fit = new WeakSet<object>();
  return {
    arrive(ctx) {
      here.add(ctx);
      const { app } = ctx;
      if (fit.has(app)) return;
      if ((app as object) !== provider) checkApp(provider, ctx);
      fit.add(app);
    },
    check(ctx) {
      if (here.has(ctx)) return;
      throw new TypeError(
        "the pages of passkeys() are not reached: call keys.mount(provider) once, before callback(), listen() or mounting",
      );
    },
  };
}

interface Signer {
  sign(data: string): string;
}

/** In a Koa application of the host's own, the library sets cookies with the application's keys and reads them with its own. */
function checkApp(provider: Provider, { req, res, cookies, app }: Context): void {
  const own = (provider.createContext(req, res).cookies as unknown as { keys: Signer }).keys;
  const theirs = (cookies as unknown as { keys?: Signer }).keys;
  if (theirs?.sign("probe") !== own.sign("probe")) {
    throw new TypeError(
      "the Koa application around the provider signs cookies with other keys, so no sign-in would be found again: " +
        "set app.keys = provider.keys",
    );
  }
  if (Boolean(app.proxy) !== Boolean(provider.proxy)) {
    throw new TypeError(
      "the Koa application around the provider and the provider do not agree about proxies: set app.proxy = provider.proxy",
    );
  }
}
