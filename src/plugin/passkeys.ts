/**
 * Passkeys for an `oidc-provider` that runs already: with its own accounts, its own storage and its own pages, and
 * passwords that go as people come.
 *
 * @module latchkey
 */
import { hkdfSync } from "node:crypto";
import type { Context, Middleware } from "koa";
import type { AdapterConstructor, AdapterFactory, Configuration, default as Provider } from "oidc-provider";
import { forgetAccount } from "../account/host.ts";
import { baseOf } from "../http/entrance/base.ts";
import { admission } from "../http/entrance/limits.ts";
import type { House } from "../http/page/house.ts";
import { singleUse } from "../oidc/adapter/single-use.ts";
import { forgetConsents } from "../oidc/consent.ts";
import { contribution } from "../oidc/contribution.ts";
import type { HostSession } from "../oidc/sessions.ts";
import { createVault, type Vault } from "../vault.ts";
import { findHostAccount } from "./accounts.ts";
import { checkOptions } from "./check.ts";
import { type Chores, startChores } from "./chores.ts";
import { cookieSecrets, merge, sessionOf } from "./configuration.ts";
import { foundationOf, type HostFoundation, passwordsOf } from "./foundation.ts";
import { type Handlers, handlersFor } from "./handlers.ts";
import { type Arrivals, arrivals, checkProvider } from "./mount.ts";
import type { PasskeysOptions } from "./options.ts";
import { checkOrigin, ownRequests, stateFor } from "./requests.ts";
import { type PasskeysStatus, statusOf } from "./status.ts";

/** What `passkeys()` gives to a host. */
export interface Passkeys {
  /**
   * The configuration for `new Provider()`: the host's own with ours in it. Changes nothing that the host has said.
   *
   * @throws TypeError where both cannot be true; it names both and the remedy
   */
  configuration(host?: Configuration): Configuration;
  /**
   * Puts the pages before the provider's own addresses, once, before `callback()`, `listen()` or mounting.
   *
   * @throws TypeError for whatever would fail later without a word
   */
  mount(provider: Provider): void;
  /**
   * Forgets an account that the host has removed: its passkeys, its names and what it allowed to apps. While
   * `accounts.find` still finds it, one thing is kept: that its password is closed.
   */
  forget(accountId: string): Promise<void>;
  /** Asks the host again for every password that is closed and not erased yet; gives how many it confirmed. */
  drop(): Promise<number>;
  /** How far the host is on its way out of passwords. Walks over everything: for operators. */
  status(): Promise<PasskeysStatus>;
  /** For pages of the host's own, and for frameworks that the provider is not mounted in at the root. */
  readonly handlers: Handlers;
  /** The host's adapter, with single use decided by our store: of parallel redemptions of one code, one succeeds. */
  adapter(host: AdapterConstructor | AdapterFactory): AdapterFactory;
  /** Stops what runs beside requests; the store stays open, it is the host's. */
  close(): Promise<void>;
}

/** What is known only after `configuration()`. */
interface Configured {
  vault: Vault;
  session: HostSession;
  grants: House["grants"];
}

/**
 * Passkeys for an `oidc-provider`.
 *
 * @throws TypeError for options that cannot be meant
 * @example
 * ```ts
 * import { Redis } from "ioredis";
 * import { passkeys } from "latchkey";
 * import { redisStore } from "latchkey/redis";
 * import { Provider } from "oidc-provider";
 *
 * declare const users: { find(id: string): Promise<{ accountId: string; claims(): { sub: string } } | undefined> };
 *
 * const issuer = "https://id.example.com";
 * const keys = passkeys({ issuer, accounts: users, store: redisStore(new Redis()) });
 * const provider = new Provider(issuer, keys.configuration({ cookies: { keys: ["a long random text"] } }));
 * keys.mount(provider);
 * ```
 */
export function passkeys(options: PasskeysOptions): Passkeys {
  const issuer = checkOptions(options);
  const foundation = foundationOf(options, issuer);
  const { house, people } = foundation;
  const state: State = { options, foundation };
  return {
    configuration: (given = {}) => configure(state, given),
    mount: (provider) => mountOn(state, provider),
    async forget(accountId) {
      if (typeof accountId !== "string" || accountId === "")
        throw new TypeError(
          "keys.forget(): accountId is none; give it the id of the account that you removed",
        );
      const isThere = (await options.accounts.find(accountId)) !== undefined;
      await forgetAccount(people, accountId, { isThere });
      await forgetConsents(house, accountId);
    },
    drop: async () => foundation.drops?.sweep() ?? 0,
    status: () => statusOf(house.accounts, options.accounts),
    handlers: handlersFor(() => {
      if (!state.mounted) throw new TypeError("keys.mount(provider) comes first");
      return state.mounted.house;
    }, options.trustProxy ?? 0),
    adapter(theirs) {
      if (typeof theirs !== "function")
        throw new TypeError("keys.adapter(): give it the class or the factory that your adapter option had");
      return singleUse(options.store, house.clock, theirs);
    },
    close: async () => state.mounted?.chores.stop(),
  };
}

/** A plugin on its way from options to a provider with pages. */
interface State {
  readonly options: PasskeysOptions;
  readonly foundation: HostFoundation;
  configured?: Configured;
  mounted?: { house: House; arrivals: Arrivals; chores: Chores };
}

function configure(state: State, given: Configuration): Configuration {
  const { options, foundation } = state;
  const { house } = foundation;
  const grants = given.loadExistingGrant ? "host" : "ours";
  state.configured = { vault: vaultOf(options, given), session: sessionOf(given), grants };
  const flood = admission(options.store, "interactions", house.limits.ceremonies);
  const { interactions, ...rest } = contribution(
    { ...house, grants },
    {
      async admit(library) {
        const ctx = library as unknown as Context;
        state.mounted?.arrivals.check(ctx);
        checkOrigin(house, ctx);
        await flood({ state: stateFor(ctx, options.trustProxy ?? 0) });
      },
      baseOf: (ctx) => baseOf(ctx as unknown as Context),
      findAccount: findHostAccount(house.unit, options.accounts),
    },
  );
  const policy = options.policy?.(interactions.policy) ?? interactions.policy;
  return merge(given, { ...rest, interactions: { ...interactions, policy } });
}

function mountOn(state: State, provider: Provider): void {
  const { options, foundation, configured } = state;
  const { trustProxy = 0, store } = options;
  if (!configured) {
    throw new TypeError(
      "keys.mount(): make the provider with new Provider(issuer, keys.configuration({ … }))",
    );
  }
  const { session, grants, vault } = configured;
  checkProvider(provider, foundation.house.issuer, trustProxy);
  const passwords = passwordsOf(foundation, options, vault);
  const [codeKey = ""] = vault.derive("recovery codes");
  const own = { provider, hostSession: session, grants, codeKey, ...(passwords ? { passwords } : {}) };
  const house: House = { ...foundation.house, ...own };
  const came = arrivals(provider);
  state.mounted = { house, arrivals: came, chores: startChores(foundation, store) };
  provider.use(arriving(came));
  provider.use(ownRequests(house, trustProxy));
}

function arriving({ arrive }: Arrivals): Middleware {
  return function arriveHere(ctx, next) {
    arrive(ctx);
    return next();
  };
}

function vaultOf({ secret, log }: PasskeysOptions, host: Configuration): Vault {
  if (secret !== undefined) return createVault([secret].flat());
  const derived = cookieSecrets(host).map((key) =>
    Buffer.from(hkdfSync("sha256", key, "latchkey", "cookies.keys", 32)).toString("base64url"),
  );
  log?.info({}, "passkeys() has no secret of its own and derives one from cookies.keys");
  return createVault(derived);
}

export type { Notice, NoticeKind } from "../account/notices.ts";
export type { Handlers, SignInPage } from "./handlers.ts";
export type {
  HostAccounts,
  HostDirectory,
  HostPasswords,
  NoticeRecipient,
  PasskeysOptions,
  SignUpFields,
} from "./options.ts";
export type { PasskeysStatus } from "./status.ts";
