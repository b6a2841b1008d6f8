/** `latchkey serve`: the server, from its first line to its last. */
import type { Command } from "commander";
import type { Settings } from "../config/load.ts";
import { maskAddress } from "../config/quote.ts";
import type { Logger } from "../log.ts";
import type { Peers } from "../metrics/peers.ts";
import { withoutNotice } from "../oidc/quiet.ts";
import type { RunningServer } from "../server.ts";
import { type Context, loaded } from "./context.ts";
import { table } from "./terminal.ts";
import { version } from "./version.ts";

export function serveCommand(program: Command, context: Context): void {
  program
    .command("serve")
    .description("run the server until SIGTERM or SIGINT")
    .option("--json", "print the start as JSON lines, whatever the terminal")
    .action((options: { json?: true }) => serve(context, options));
}

/** How long requests may take to end after the signal. */
const DRAIN = 30_000;

/** How long a balancer may take to see that nothing is to be sent here any more. */
const LINGER = 250;

async function serve(context: Context, { json }: { json?: true }): Promise<void> {
  const signal = firstSignal();
  const { settings } = await loaded(context);
  const format = json ? "json" : settings.log.format;
  const { createLogger } = await import("../log.ts");
  const log = await createLogger({ ...settings.log, format });
  if (settings.workers === 1) return serveAlone(context, settings, { log, format, stopped: signal });
  const { isFirstWorker, isWorker, lead, toldToStop, tellServing } = await import("./serve/workers.ts");
  if (isWorker()) {
    const { peersByChannel } = await import("./serve/snapshots.ts");
    const own = { log, format, stopped: toldToStop(), isServing: tellServing, peers: peersByChannel() };
    return serveAlone(context, settings, own, isFirstWorker());
  }
  const patience = DRAIN + 2000;
  context.outcome.code = await lead({ count: settings.workers, log, stopped: signal, patience });
}

interface Serving {
  log: Logger;
  format: "json" | "pretty";
  stopped: Promise<string>;
  isServing?(): void;
  /** The other workers. */
  peers?: Peers;
}

async function serveAlone(
  context: Context,
  settings: Settings,
  { log, format, stopped, isServing, peers }: Serving,
  announces = true,
): Promise<void> {
  const { startServer } = await withoutNotice(() => import("../server.ts"));
  // LMDB leaves promises behind that nobody waits for and that reject on a full disk; a server outlives that.
  process.on("unhandledRejection", (err) => log.error({ err }, "something failed that nobody waited for"));
  const server = await startServer(settings, { log, version: version(), ...(peers ? { peers } : {}) });
  if (announces) await announceStart(context, settings, server, format);
  isServing?.();
  log.debug({ signal: await stopped }, "stopping");
  await Promise.race([server.stop(LINGER), late()]);
}

/** These lines are the program's answer, so no log level hides them. */
async function announceStart(
  context: Context,
  settings: Settings,
  server: RunningServer,
  format: "json" | "pretty",
): Promise<void> {
  if (context.terminal.interactive && format === "pretty")
    return context.terminal.out(table(await linesFor(settings, server)));
  const { createLogger } = await import("../log.ts");
  await logStart(settings, server, await createLogger({ level: "info", format }));
}

/** `npm start` passes on a signal that the terminal has sent to both, so one key press comes twice. */
const SAME_PRESS = 1_000;

/** The first SIGTERM or SIGINT; a second one ends the process at once, whatever is still open. */
function firstSignal(): Promise<string> {
  return new Promise((resolve) => {
    let since: number | undefined;
    const onSignal = (name: string) => {
      if (since !== undefined && performance.now() - since > SAME_PRESS) process.exit(1); // its workers go with it
      since ??= performance.now();
      resolve(name);
    };
    process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  });
}

function late(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, DRAIN + 1000).unref();
  });
}

/** The setup link while there is no owner; only a localhost issuer's own terminal or log ever sees it. */
async function setupFact(
  settings: Settings,
  { setup }: RunningServer,
): Promise<{ url: string } | { run: string } | undefined> {
  if (await setup.hasOwner()) return undefined;
  return settings.isLocal ? { url: (await setup.issue()).url } : { run: "npx latchkey setup" };
}

async function linesFor(settings: Settings, server: RunningServer): Promise<string[][]> {
  const fact = await setupFact(settings, server);
  const rows = [
    ["issuer", server.issuer],
    ["store", maskAddress(settings.store)],
  ];
  if (settings.isLocal) rows.push(["demo app", `${server.issuer}/demo`]);
  if (fact) rows.push(["setup", "url" in fact ? fact.url : `run: ${fact.run}`]);
  return rows;
}

async function logStart(settings: Settings, server: RunningServer, log: Logger): Promise<void> {
  const fact = await setupFact(settings, server);
  if (fact) log.info(fact, "setup");
  const demo = settings.isLocal ? { demo: `${server.issuer}/demo` } : {};
  log.info(
    { issuer: server.issuer, store: maskAddress(settings.store), port: server.port, ...demo },
    "listening",
  );
}
