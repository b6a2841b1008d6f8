/** The server: an installation behind a port. */
import { createHmac } from "node:crypto";
import type { RequestListener } from "node:http";
import type { Context } from "koa";
import Provider, { type Configuration } from "oidc-provider";
import { accounts } from "./account/accounts.ts";
import { invitations } from "./account/invitations.ts";
import { setupLink } from "./account/setup.ts";
import { sealLog } from "./audit/seal.ts";
import { type Clock, systemClock } from "./clock.ts";
import { mailsRecovery, settingsOf } from "./config/groups.ts";
import type { Settings } from "./config/load.ts";
import { mountDemo } from "./demo/demo.ts";
import { ownHost, ownStore } from "./http/entrance/door.ts";
import { health } from "./http/entrance/health.ts";
import type { Admission } from "./http/entrance/limits.ts";
import { listen } from "./http/entrance/listener.ts";
import { originOf } from "./http/entrance/origin.ts";
import { requestLog } from "./http/entrance/request.ts";
import { ownForms } from "./http/library/own-forms.ts";
import { libraryPages } from "./http/library/pages.ts";
import { postToGet } from "./http/library/post-to-get.ts";
import { permits } from "./http/page/permits.ts";
import { brokenShortWay, type ShortWayOptions, shortWay, type Ways } from "./http/short/way.ts";
import { watchKeys } from "./installation/key-watch.ts";
import { startMigrations } from "./installation/migrations.ts";
import { watchOwnership } from "./installation/own-store.ts";
import { keepRpId } from "./installation/rp-id.ts";
import { type Installation, openInstallation } from "./installation.ts";
import { type Logger, silentLogger } from "./log.ts";
import { type Mailer, openMailer } from "./mail/mailer.ts";
import type { Metrics } from "./metrics.ts";
import { deviceGuesses } from "./oidc/adapter/device-guesses.ts";
import { type Backchannel, backchannel } from "./oidc/backchannel.ts";
import { listAllLaunchable, listLaunchableOnce } from "./oidc/client/launchable.ts";
import { issuesRefreshToken, serverConfiguration } from "./oidc/configuration.ts";
import { findAccount } from "./oidc/contribution.ts";
import { cookieKeys } from "./oidc/cookie-keys.ts";
import { libraryContext } from "./oidc/internals.ts";
import { keyState, type SigningKey, signingKeys } from "./oidc/keys.ts";
import { createProvider } from "./oidc/provider.ts";
import { idTokenSigner } from "./oidc/short/id-token.ts";
import { watch } from "./oidc/watch.ts";
import { openPasswords, passwordPurge } from "./password-room.ts";
import { type Foundation, passkeysFor } from "./plugin.ts";
import { type Counting, countingAnswers, metricsFor, openAdminPort } from "./server/counting.ts";
import { codeGuesses } from "./store/guesses.ts";
import type { Store } from "./store/store.ts";
import { inTurn, startSweeper } from "./store/sweeper.ts";
import { type UnitOfWork, unitOfWork } from "./store/unit.ts";
import { loadAssets } from "./view/assets.ts";
import { createRenderer } from "./view/render.ts";

export interface RunningServer {
  issuer: string;
  port: number;
  setup: Installation["setup"];
  /** Does now what is done every hour: removes what is over, whose time has come, and what was left behind. */
  tidy(): Promise<number>;
  /** Takes no new requests after `linger` milliseconds, lets running ones end, closes the store. */
  stop(linger?: number): Promise<void>;
}

export interface ServerOptions extends Counting {
  log?: Logger;
  clock?: Clock;
  /** Opened elsewhere; the caller closes it. */
  store?: Store;
}

const MAIL_EVERY = 15_000;
const SWEEP_EVERY = 60_000;
const TIDY_EVERY = 60 * 60_000;
const SEAL_EVERY = 10 * 60_000;

/**
 * Starts serving; resolves when the port answers.
 *
 * @throws `configuration_invalid`, `secret_mismatch`, `store_unavailable`, and what the listener says
 */
export async function startServer(settings: Settings, options: ServerOptions = {}): Promise<RunningServer> {
  const { log = silentLogger, clock = systemClock } = options;
  const metrics = await metricsFor(settings, options);
  const counts = metrics && { event: metrics.event, kept: metrics.kept };
  const installation = await openInstallation(settings, { ...options, log, clock, counts });
  const { store, accounts, setup } = installation;
  const open: { close(linger?: number): Promise<void> }[] = [...(metrics ? [metrics] : []), installation];
  const state = { stopping: false };
  const stop = async (linger?: number) => {
    state.stopping = true;
    for (const one of open.splice(0).reverse()) await one.close(linger);
  };
  try {
    const ownership = watchOwnership(installation, log);
    open.push({ close: async () => ownership.stop() });
    const ready = async () => !state.stopping && ownership.isOurs() && (await isReachable(store));
    const views = settings.views === undefined ? {} : { overlay: settings.views };
    const mail = openMailer({ ...installation, ...settings.mail, ...views, count: metrics?.mail });
    const apps = backchannel(log, metrics?.notice);
    open.push({ close: () => apps.stop() });
    const around = { ready, isOurs: ownership.isOurs, mail, apps, metrics };
    let made: Made | undefined;
    const build = async () => {
      made = await createHandler(installation, around);
      return made.handler;
    };
    const keys = await watchKeys(() => keyState(installation), build, log);
    open.push({ close: () => keys.stop() });
    const tidy = async () => ((await made?.tidy()) ?? 0) + (await accounts.sweep());
    const sweepers = startSweepers(installation, { mail, tidy });
    open.push(...sweepers.map((sweeper) => ({ close: () => sweeper.stop() })));
    const gauges = { ping: () => store.ping(), mail: mail?.waiting };
    open.push(...(await openAdminPort({ settings, metrics, ready, gauges, log })));
    const looking = [await keepRpId({ ...installation, log }), startMigrations({ store, clock, log })];
    open.push(...looking.map((one) => ({ close: () => one.stop() })));
    const over = metrics && countingAnswers(metrics, made?.addresses ?? []);
    const listener = await listen(keys.handler, settings.port, settings.host, over);
    open.push(listener);
    return { issuer: settings.issuer, port: listener.port, setup, tidy, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What is done now and then for as long as the server runs. */
function startSweepers(
  installation: Installation,
  { mail, tidy }: { mail: Mailer | undefined; tidy: () => Promise<number> },
): { stop(): Promise<void> }[] {
  const { store, log, meta } = installation;
  const lists = { sweep: () => listAllLaunchable(store) };
  return [
    { stop: sooner(() => listLaunchableOnce(store), log) },
    ...(mail ? [startSweeper({ sweep: () => mail.drain() }, { every: MAIL_EVERY, log })] : []),
    startSweeper(store, { every: SWEEP_EVERY, log }),
    startSweeper(inTurn(store, "accounts", TIDY_EVERY, { sweep: tidy }), { every: TIDY_EVERY, log }),
    startSweeper(inTurn(store, "portal", TIDY_EVERY, lists), { every: TIDY_EVERY, log }),
    startSweeper({ sweep: () => sealLog(installation, meta.created) }, { every: SEAL_EVERY, log }),
    startSweeper(passwordPurge(installation), { every: TIDY_EVERY, log }),
  ];
}

/** Begins now what a start need not wait for; gives the end of it. */
function sooner(work: () => Promise<unknown>, log: Logger): () => Promise<void> {
  const done = work().then(
    () => {},
    (err: unknown) => log.warn({ err }, "what was to be done at the start is done within the hour"),
  );
  return () => done;
}

/** What outlives a handler, which is made anew whenever the keys change. */
interface Surroundings {
  ready: () => Promise<boolean>;
  isOurs: () => boolean;
  mail: Mailer | undefined;
  apps: Backchannel;
  metrics: Metrics | undefined;
}

interface Made {
  handler: RequestListener;
  /** What the pages have to do now and then. */
  tidy: () => Promise<number>;
  /** The addresses of our pages, as patterns. */
  addresses: readonly string[];
}

async function createHandler(
  installation: Installation,
  { ready, isOurs, mail, apps, metrics }: Surroundings,
): Promise<Made> {
  const { settings, store, vault, log, clock, clients } = installation;
  const issuer = new URL(settings.issuer);
  const unit = unitOfWork(store, await libraryContext());
  const views = settings.views === undefined ? {} : { overlay: settings.views };
  const assets = loadAssets(views);
  const renderer = createRenderer({ ...views, assets });
  // On the store itself: within a request, what was read once would be read no more.
  const passwords = await openPasswords(installation);
  const added = { ...(passwords ? { passwords } : {}), ...(mail ? { mail } : {}) };
  const shown = { issuer, unit, assets, renderer, signedIn: metrics?.signedIn, ...added };
  const passkeys = passkeysFor(foundation(installation, shown));
  const keys = await signingKeys(store, vault, clock);
  const [userCodeKey = ""] = vault.derive("user codes");
  const own = serverConfiguration({
    store,
    unit,
    clients,
    clock,
    deviceGuesses: deviceGuesses(store, settings.limits.guesses),
    userCodeHash: (code) => createHmac("sha256", userCodeKey).update(code).digest("base64url"),
    issuer,
    keys,
    cookieKeys: cookieKeys(vault.derive("cookies")),
    nonceSecret: Buffer.from(vault.derive("dpop")[0] ?? "", "base64url"),
    pages: libraryPages({ renderer, issuer, log }),
  });
  const configuration = join(own, passkeys.contribution);
  const claims = { ...(configuration.claims as Record<string, string[]>) };
  const provider = createProvider(issuer, configuration, log, clients, apps);
  if (metrics) watch(provider, metrics);
  const entrance = [ownStore(isOurs), brokenShortWay(), ownHost(issuer), ownForms(issuer), postToGet()];
  provider.use(requestLog(log, settings.trustProxy, settings.log.level === "debug"));
  const { tidy } = passkeys.mount(provider, settings.adminPort ? entrance : [health(ready), ...entrance]);
  if (settings.isLocal) await mountDemo(provider, { issuer, store, clock, renderer, vault });
  const long = provider.callback();
  const ways = ordinary(installation, { provider, unit, keys, claims, admit: passkeys.admit });
  const short = shortWay({ ...ways, watcher: metrics }, long);
  const handler: RequestListener = (request, response) => {
    if (isOurs()) return short(request, response);
    // A balancer gives the next connection to somebody who serves; on this one its client would come back for ever.
    response.shouldKeepAlive = false;
    // The long way says why nothing is served from a store that is not ours.
    long(request, response);
  };
  return { handler, tidy, addresses: passkeys.addresses };
}

/** What answers ordinary requests before the provider is asked. */
function ordinary(
  { settings, store, log, clock, vault }: Installation,
  of: { provider: Provider; unit: UnitOfWork; keys: SigningKey[]; admit: Admission } & Pick<Ways, "claims">,
): ShortWayOptions {
  const { provider, unit, keys, claims, admit } = of;
  const issuer = new URL(settings.issuer);
  const ways: Ways = {
    ...{ issuer, provider, store, clock, claims, admit, issuesRefreshToken },
    trustProxy: settings.trustProxy,
    cookieKeys: cookieKeys(vault.derive("cookies")),
    findAccount: findAccount({ unit }),
    signIdToken: idTokenSigner(keys),
  };
  return { issuer, log, detailed: settings.log.level === "debug", ways };
}

/** What our pages need, from the installation and the settings. */
function foundation(
  { settings, clock, log, announce, vault, clients }: Installation,
  rest: Pick<Foundation, "issuer" | "unit" | "assets" | "renderer" | "passwords" | "mail" | "signedIn">,
): Foundation {
  const { store } = rest.unit;
  const from = () => originOf(Provider.ctx as unknown as Context | undefined);
  const people = accounts({ store, clock, announce, from });
  return {
    ...rest,
    store,
    accounts: people,
    setup: setupLink({ store, clock, accounts: people }),
    clock,
    log,
    announce,
    rp: { id: settings.rpId, name: rest.issuer.hostname, origins: [settings.issuer, ...settings.origins] },
    signUp: settings.signUp,
    mailsRecovery: rest.mail !== undefined && mailsRecovery(settings),
    settingsOf: (groups) => settingsOf(settings, groups),
    notify: rest.mail?.notify ?? (async () => {}),
    limits: settings.limits,
    home: { deletionGrace: settings.deletion.grace, coachEvery: settings.coach.every },
    guesses: codeGuesses(store, settings.limits.guesses),
    codeKey: vault.derive("recovery codes")[0] ?? "",
    permits: permits(store),
    invitations: invitations({ store, clock }),
    launchable: () => clients.launchable(),
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
