/** Runs one command line: builds the commands, and turns whatever goes wrong into a reason and an exit code. */
import { Command, CommanderError } from "commander";
import { isRefusal, type LatchkeyError } from "../errors.ts";
import { oneLine, visible, visibleJson } from "../log/fields.ts";
import { accountsCommands } from "./accounts.ts";
import { auditCommands } from "./audit.ts";
import { whyAway } from "./away.ts";
import { clientsCommands } from "./clients.ts";
import { configCommands } from "./config.ts";
import { type Context, UsageError } from "./context.ts";
import { doctorCommand } from "./doctor.ts";
import { groupsCommands } from "./groups.ts";
import { keysCommands } from "./keys.ts";
import { migrateCommands } from "./migrate.ts";
import { passCommands } from "./pass.ts";
import { passwordsCommands } from "./passwords.ts";
import { whyNoPort } from "./port.ts";
import { serveCommand } from "./serve.ts";
import { setupCommand } from "./setup.ts";
import { storeCommands } from "./store.ts";
import type { Terminal } from "./terminal.ts";
import { version } from "./version.ts";

/** Every command, in the order of the help. */
const commands = [
  serveCommand,
  setupCommand,
  clientsCommands,
  accountsCommands,
  passwordsCommands,
  passCommands,
  groupsCommands,
  keysCommands,
  migrateCommands,
  storeCommands,
  auditCommands,
  configCommands,
  doctorCommand,
];

/** Exit codes: done, failed while running, wrong usage or configuration. */
const DONE = 0;
const FAILED = 1;
const WRONG = 2;

/** What an operator has to change in the command or the configuration, not what may pass by itself. */
const WRONG_CODES: readonly string[] = [
  "configuration_invalid",
  "client_invalid",
  "store_refused",
  "backup_refused",
  "secret_mismatch",
];

/**
 * Carries out a command line and resolves to its exit code. Reasons go to the standard error; with `--json` a
 * refusal is also the one document on the standard output.
 */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const context: Context = { terminal, outcome: { code: DONE } };
  try {
    await program(context).parseAsync(args, { from: "user" });
    return context.outcome.code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return DONE;
    return report(error, args.includes("--json"), terminal);
  }
}

function program(context: Context): Command {
  const root = new Command("latchkey")
    .description("Passkey sign-in for OpenID Connect, and the way out of passwords.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .exitOverride()
    .configureOutput({ writeOut: (text) => context.terminal.out(text), writeErr() {} })
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false });
  for (const add of commands) add(root, context);
  return root;
}

function report(error: unknown, json: boolean, terminal: Terminal): number {
  const problem = problemOf(error);
  if (json) terminal.out(`${visibleJson(problem, 2)}\n`);
  for (const line of reasonOf(error).split("\n")) terminal.err(visible(line));
  return exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError || error instanceof UsageError) return WRONG;
  return isRefusal(error) && WRONG_CODES.includes(error.code) ? WRONG : FAILED;
}

function problemOf(error: unknown): object {
  if (isRefusal(error)) return error.toProblem();
  const usage = exitCodeOf(error) === WRONG;
  return { code: usage ? "usage_invalid" : "internal", title: reasonOf(error) };
}

/** One line for people; a list of problems has one each. Never a stack trace. */
function reasonOf(error: unknown): string {
  if (isRefusal(error)) return refusalOf(error);
  if (error instanceof CommanderError) return usageOf(error);
  return whyNoPort(error) ?? oneLine(error instanceof Error ? error.message : String(error));
}

function refusalOf(error: LatchkeyError): string {
  const title = error.toProblem().title;
  const { detail = "" } = error;
  return error.code === "configuration_invalid"
    ? `${title}\n${detail.replace(/^/gm, "  ")}`
    : `${title} ${detail}`.trim() + oneLine(whyAway(error));
}

function usageOf({ code, message }: CommanderError): string {
  // A group without its command, which commander answers with the group's help.
  if (code === "commander.help") return "Name a command; --help lists them.";
  return `${message.replace(/^error: /, "")}\nRun it with --help to see how it is used.`;
}
