/** A running provider for one test file: in this process, on a free port, on a store of its own. */
import { createServer } from "node:net";
import { loadSettings } from "../../src/config/load.ts";
import { openInstallation } from "../../src/installation.ts";
import { createLogger } from "../../src/log.ts";
import { startServer } from "../../src/server.ts";
import type { SoftwareAuthenticator } from "../../src/testing.ts";
import { Browser } from "./browser.ts";
import { RelyingParty, type RelyingPartyOptions } from "./relying-party.ts";
import type { OpenStore, StoreKind } from "./stores.ts";

export interface Running {
  issuer: string;
  store: OpenStore;
  /** Everything that was logged, a line each. */
  log: string[];
  installation: Awaited<ReturnType<typeof openInstallation>>;
  setup: Awaited<ReturnType<typeof startServer>>["setup"];
  browser(authenticator?: SoftwareAuthenticator): Browser;
  /** Registers an app and gives its side of the flow. */
  app(options?: RelyingPartyOptions): Promise<RelyingParty>;
  stop(): Promise<void>;
}

/** The root secret of all tests: a canary that must not appear in any output. */
export const SECRET = "test-root-secret-0123456789-abcdefghijklmnop";

/** Starts a provider. `settings` are shaped like the configuration file. */
export async function startInstallation(kind: StoreKind, settings: Record<string, unknown> = {}): Promise<Running> {
  const opened = await kind.open();
  const port = await freePort();
  const log: string[] = [];
  const logger = await createLogger({ level: "debug", format: "json", sink: { write: (line) => void log.push(line) } });
  const loaded = loadSettings({
    env: {},
    overrides: {
      port,
      store: opened.url,
      secret: SECRET,
      limits: { ceremonies: "100000/1m", signUps: "100000/1m" },
      ...settings,
    },
  });
  const server = await startServer(loaded, { log: logger, store: opened.store });
  const installation = await openInstallation(loaded, { store: opened.store, log: logger });
  const { issuer } = server;
  return {
    issuer,
    store: opened,
    log,
    installation,
    setup: server.setup,
    browser: (authenticator) => new Browser(issuer, authenticator),
    app: (options) => RelyingParty.register(issuer, installation.clients, options),
    async stop() {
      await server.stop();
      await opened.close();
    },
  };
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject).listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
