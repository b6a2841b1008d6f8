/** A running provider for one test file: in this process, on a free port, on a store of its own. */
import { loadSettings } from "../../src/config/load.ts";
import { openInstallation } from "../../src/installation.ts";
import { createLogger } from "../../src/log.ts";
import { startServer } from "../../src/server.ts";
import type { Store } from "../../src/store/store.ts";
import type { SoftwareAuthenticator } from "../../src/testing.ts";
import { Browser } from "./browser.ts";
import { freePort } from "./redis.ts";
import { RelyingParty, type RelyingPartyOptions } from "./relying-party.ts";
import type { OpenStore, StoreKind } from "./stores.ts";

export interface Running {
  issuer: string;
  port: number;
  store: OpenStore;
  /** Everything that was logged, a line each. */
  log: string[];
  installation: Awaited<ReturnType<typeof openInstallation>>;
  setup: Awaited<ReturnType<typeof startServer>>["setup"];
  browser(authenticator?: SoftwareAuthenticator): Browser;
  /** Registers an app and gives its side of the flow. */
  app(options?: RelyingPartyOptions): Promise<RelyingParty>;
  /** The events of a type that were logged since `mark` (a length of `log`). */
  events(type: string, mark?: number): Record<string, unknown>[];
  /** Does what the server does every hour. */
  tidy(): Promise<number>;
  /** Stops the server and starts it again on the same data and port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface RunningOptions {
  /** Puts something between the server and its store. */
  wrap?: (store: Store) => Store;
}

/** The root secret of all tests: a canary that must not appear in any output. */
export const SECRET = "test-root-secret-0123456789-abcdefghijklmnop";

/** Starts a provider. `settings` are shaped like the configuration file. */
export async function startInstallation(
  kind: StoreKind,
  settings: Record<string, unknown> = {},
  { wrap = (store) => store }: RunningOptions = {},
): Promise<Running> {
  const opened = await kind.open();
  const log: string[] = [];
  const logger = await createLogger({
    level: "debug",
    format: "json",
    sink: { write: (line) => void log.push(line) },
  });
  const loaded = settingsFor(opened.url, await freePort(), settings);
  const start = () => startServer(loaded, { log: logger, store: wrap(opened.store) });
  const installation = await openInstallation(loaded, { store: opened.store, log: logger, initialise: true });
  let server = await start();
  const { issuer, port } = server;
  return {
    issuer,
    port,
    store: opened,
    log,
    installation,
    setup: server.setup,
    browser: (authenticator) => new Browser(issuer, authenticator),
    app: (options) => RelyingParty.register(issuer, installation.clients, options),
    events: (type, mark = 0) =>
      log
        .slice(mark)
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter(({ event }) => event === type),
    tidy: () => server.tidy(),
    async restart() {
      await server.stop();
      server = await start();
    },
    async stop() {
      await server.stop();
      await opened.close();
    },
  };
}

function settingsFor(store: string, port: number, settings: Record<string, unknown>) {
  const limits = { ceremonies: "100000/1m", signUps: "100000/1m" };
  return loadSettings({
    env: {},
    overrides: { port, store, secret: SECRET, limits, log: { level: "debug" }, ...settings },
  });
}
