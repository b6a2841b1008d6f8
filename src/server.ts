/** The server: an installation behind a port. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Configuration } from "oidc-provider";
import { type Clock, systemClock } from "./clock.ts";
import type { Settings } from "./config/load.ts";
import { mountDemo } from "./demo/demo.ts";
import { health, ownHost, requestLog } from "./http/entrance.ts";
import { libraryPages } from "./http/library-pages.ts";
import { permits } from "./http/permits.ts";
import { postToGet } from "./http/post-to-get.ts";
import { type Installation, openInstallation } from "./installation.ts";
import { type Logger, silentLogger } from "./log.ts";
import { serverConfiguration } from "./oidc/configuration.ts";
import { cookieKeys } from "./oidc/cookie-keys.ts";
import { signingKeys } from "./oidc/keys.ts";
import { createProvider } from "./oidc/provider.ts";
import { type Foundation, passkeysFor } from "./plugin.ts";
import type { Store } from "./store/store.ts";
import { startSweeper } from "./store/sweeper.ts";
import { unitOfWork } from "./store/unit.ts";
import { loadAssets } from "./view/assets.ts";
import { createRenderer } from "./view/render.ts";

export interface RunningServer {
  issuer: string;
  port: number;
  setup: Installation["setup"];
  /** Takes no new requests, lets running ones end, closes the store. */
  stop(): Promise<void>;
}

export interface ServerOptions {
  log?: Logger;
  clock?: Clock;
  /** Opened elsewhere; the caller closes it. */
  store?: Store;
}

const SWEEP_EVERY = 60_000;

/**
 * Starts serving; resolves when the port answers.
 *
 * @throws `configuration_invalid`, `secret_mismatch`, `store_unavailable`, and what the listener says
 */
export async function startServer(settings: Settings, options: ServerOptions = {}): Promise<RunningServer> {
  const { log = silentLogger, clock = systemClock } = options;
  const installation = await openInstallation(settings, { ...options, log, clock });
  try {
    const state = { stopping: false };
    const handler = await createHandler(installation, state);
    const server = createServer(LIMITS, handler);
    await listen(server, settings.port, settings.host);
    const sweeper = startSweeper(installation.store, { every: SWEEP_EVERY, log });
    return {
      issuer: settings.issuer,
      port: (server.address() as AddressInfo).port,
      setup: installation.setup,
      async stop() {
        state.stopping = true;
        await drain(server);
        await sweeper.stop();
        await installation.close();
      },
    };
  } catch (error) {
    await installation.close();
    throw error;
  }
}

/** Slow and oversized requests end early. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 5_000,
  maxHeaderSize: 16 * 1024,
  connectionsCheckingInterval: 1_000,
};

async function createHandler(
  installation: Installation,
  state: { stopping: boolean },
): Promise<RequestListener> {
  const { settings, store, vault, log, clock, clients } = installation;
  const issuer = new URL(settings.issuer);
  const unit = unitOfWork(store);
  const views = settings.views === undefined ? {} : { overlay: settings.views };
  const assets = loadAssets(views);
  const renderer = createRenderer({ ...views, assets });
  const passkeys = passkeysFor(foundation(installation, { issuer, unit, assets, renderer }));
  const own = serverConfiguration({
    store,
    unit,
    clients,
    clock,
    issuer,
    keys: await signingKeys(store, vault, clock),
    cookieKeys: cookieKeys(vault.derive("cookies")),
    nonceSecret: Buffer.from(vault.derive("dpop")[0] ?? "", "base64url"),
    pages: libraryPages({ renderer, issuer, log }),
  });
  const provider = createProvider(issuer, join(own, passkeys.contribution), log);
  const ready = async () => !state.stopping && (await isReachable(store));
  provider.use(requestLog(log, settings.trustProxy));
  passkeys.mount(provider, [health(ready), ownHost(issuer), postToGet()]);
  if (settings.isLocal) await mountDemo(provider, { issuer, store, clock, renderer, vault });
  return provider.callback();
}

/** What our pages need, from the installation and the settings. */
function foundation(
  { settings, store, accounts, setup, clock, log, announce }: Installation,
  rest: Pick<Foundation, "issuer" | "unit" | "assets" | "renderer">,
): Foundation {
  return {
    ...rest,
    store,
    accounts,
    setup,
    clock,
    log,
    announce,
    rp: { id: settings.rpId, name: rest.issuer.hostname, origins: [settings.issuer, ...settings.origins] },
    signUp: settings.signUp,
    limits: settings.limits,
    permits: permits(store),
  };
}

/** Claims and discovery are added to; everything else that passkeys bring is theirs alone. */
function join(own: Configuration, passkeys: Configuration): Configuration {
  return { ...own, ...passkeys, claims: { ...own.claims, ...passkeys.claims } };
}

async function isReachable(store: Store): Promise<boolean> {
  return store.ping().then(
    () => true,
    () => false,
  );
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Running requests end, idle connections close at once. */
function drain(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
