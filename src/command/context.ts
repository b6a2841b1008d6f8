/** What every command is given, and the way to the installation that the settings name. */
import type { Loaded } from "../config/load.ts";
import type { Installation } from "../installation.ts";
import { oneLine, visibleJson } from "../log/fields.ts";
import type { Logger } from "../log.ts";
import { withoutNotice } from "../oidc/quiet.ts";
import type { Terminal } from "./terminal.ts";

export interface Context {
  terminal: Terminal;
  /** The exit code of a command that ran to its end. */
  outcome: { code: number };
}

/** Options that every command has. */
export interface Common {
  json?: true;
}

/** Wrong usage that only the command itself can see; ends with exit code 2. */
export class UsageError extends Error {}

/** The settings, with their sources. The schema is loaded only when a command needs it: `--help` stays fast. */
export async function loaded({ terminal }: Context): Promise<Loaded> {
  const { inspectSettings } = await import("../config/load.ts");
  return inspectSettings({ env: terminal.env, cwd: terminal.cwd, terminal: terminal.interactive });
}

/** Opens the installation for the time of one command. */
export async function withInstallation<T>(
  context: Context,
  use: (installation: Installation) => Promise<T>,
  options: { initialise?: boolean } = {},
): Promise<T> {
  const { settings } = await loaded(context);
  const { openInstallation } = await withoutNotice(() => import("../installation.ts"));
  const installation = await openInstallation(settings, { ...options, log: warnings(context.terminal) });
  try {
    return await use(installation);
  } finally {
    await installation.close();
  }
}

/** A log for commands: what matters to the operator, on the standard error. */
export function warnings(terminal: Terminal): Logger {
  const say = (_fields: object, message: string) => terminal.err(`warning: ${oneLine(message)}`);
  return { debug() {}, info() {}, warn: say, error: say };
}

/** Prints the one JSON document, or the text for people. */
export function print({ terminal }: Context, { json }: Common, document: unknown, text: string): void {
  terminal.out(json ? `${visibleJson(document, 2)}\n` : text);
}

/** @throws {UsageError} without a person to ask and without `--yes` */
export function mustBeAskable({ terminal }: Context, yes: true | undefined): void {
  if (!yes && !terminal.canAsk) throw new UsageError("nobody to ask: add --yes to go on without a question");
}

/** Asks before something is lost; `--yes` is the answer given in advance. */
export async function confirmed(context: Context, yes: true | undefined, question: string): Promise<boolean> {
  mustBeAskable(context, yes);
  return yes === true || /^y(es)?$/i.test((await context.terminal.ask(`${question} [y/N] `)).trim());
}
