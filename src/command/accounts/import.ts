/** `latchkey accounts import`: brings accounts in, with the passwords that they are going to leave behind. */
import { closeSync, createReadStream, openSync, statSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import type { LatchkeyError } from "../../errors.ts";
import type { Format } from "../../import/format.ts";
import type { Hashes } from "../../import/hashes.ts";
import type { Input } from "../../import/row.ts";
import type { Counts } from "../../import/run.ts";
import type { Installation } from "../../installation.ts";
import { visible, visibleJson } from "../../log/fields.ts";
import { type Common, type Context, UsageError, withInstallation } from "../context.ts";
import { progress } from "../progress.ts";
import { spool } from "../spool.ts";
import { type Terminal, table } from "../terminal.ts";

interface Flags extends Common {
  format?: Format;
  dryRun?: true;
  rejects?: string;
  strict?: true;
}

export function importCommand(group: Command, context: Context): void {
  group
    .command("import <file>")
    .description("accounts from JSON Lines, CSV with a header, or an export of Keycloak; - is standard input")
    .option(
      "--format <format>",
      "jsonl, csv or keycloak, when it is not the one that the input looks like",
      format,
    )
    .option("--dry-run", "say what would happen and write nothing")
    .option("--rejects <file>", "write what was refused into a file of its own, as it was")
    .option("--strict", "end with 1 when anything was refused")
    .option("--json", "print one JSON document")
    .action((file: string, flags: Flags) => importFile(context, file, flags));
}

function format(text: string): Format {
  if (text === "jsonl" || text === "csv" || text === "keycloak") return text;
  throw new UsageError(`--format: expected jsonl, csv or keycloak, found ${text}`);
}

interface Refused {
  line: number;
  code: string;
  reason: string;
}

function importFile(context: Context, file: string, flags: Flags): Promise<void> {
  const source = open(context, file);
  const rejects = flags.rejects === undefined ? undefined : rejectsFile(context, flags.rejects);
  return withInstallation(context, async (installation) => {
    const refused = flags.json ? refusals() : undefined;
    const bar = progress(context.terminal, "accounts");
    try {
      const counts = await run(installation, source, flags, {
        refused(input, reason) {
          rejects?.add(input);
          const entry = refusedEntry(input, reason);
          if (refused) refused.add(entry);
          else context.terminal.err(visible(`line ${entry.line}: ${entry.code}: ${entry.reason}`));
        },
        progress: ({ read }) => bar.tell(read, source.share()),
      });
      bar.end();
      if (refused) refused.print(context.terminal, counts);
      else context.terminal.out(textOf(counts, flags));
      if (flags.strict && counts.refused > 0) context.outcome.code = 1;
    } finally {
      bar.end();
      refused?.close();
      rejects?.close();
    }
  });
}

/**
 * Refusals for the one document, which is printed when all is known: a failure on the way prints another. A file that
 * is refused line by line may be long, so that they wait outside of memory.
 */
function refusals() {
  const waiting = spool();
  let begun = false;
  return {
    add(entry: Refused) {
      waiting.add(`${begun ? "," : ""}\n${visibleJson(entry, 2)}`.replaceAll("\n", "\n    "));
      begun = true;
    },
    print({ out }: Terminal, { refused: _, ...counts }: Counts) {
      out(`${JSON.stringify(counts, null, 2).slice(0, -2)},\n  "refused": [`);
      for (const piece of waiting.pieces()) out(piece);
      out(begun ? "\n  ]\n}\n" : "]\n}\n");
    },
    close: () => waiting.close(),
  };
}

async function run(
  { store, clock, announce, vault, settings }: Installation,
  source: Source,
  { format, dryRun }: Flags,
  watcher: { refused(input: Input, reason: LatchkeyError): void; progress(counts: Counts): void },
): Promise<Counts> {
  const [{ importAll }, { readInputs }] = await Promise.all([
    import("../../import/run.ts"),
    import("../../import/format.ts"),
  ]);
  const hashes = await hashesFor({ store, clock, vault, settings });
  const options = { store, clock, announce, hashes, ...(dryRun ? { dryRun } : {}) };
  return importAll(options, readInputs(source.bytes(), format), watcher);
}

/** Once the store is sealed the room of passwords is not even loaded. */
async function hashesFor(
  parts: Pick<Installation, "store" | "clock" | "vault" | "settings">,
): Promise<Hashes> {
  const { readPasswordState } = await import("../../account/password-state.ts");
  if ((await readPasswordState(parts.store)).seal === "sealed")
    return (await import("../../import/hashes.ts")).noHashes;
  const [{ intake }, { passwordSafe }] = await Promise.all([
    import("../../password/intake.ts"),
    import("../../password-room.ts"),
  ]);
  return intake(await passwordSafe(parts), parts.settings.passwords.maxCost);
}

interface Source {
  bytes(): AsyncIterable<Uint8Array>;
  /** How much of it was read, where that is known. */
  share(): number | undefined;
}

/** @throws {UsageError} for a file that cannot be read */
function open({ terminal }: Context, file: string): Source {
  const { input } = terminal;
  if (file === "-") {
    if (!input) throw new UsageError("there is no standard input");
    return { bytes: input, share: () => undefined };
  }
  const path = resolve(terminal.cwd, file);
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new UsageError(`${path} does not exist`);
  if (!found.isFile() && !found.isFIFO()) throw new UsageError(`${path} is not a file`);
  const stream = createReadStream(path, { highWaterMark: 256 * 1024 });
  return {
    bytes: () => stream,
    share: () => (found.size > 0 ? Math.min(1, stream.bytesRead / found.size) : undefined),
  };
}

/** What was refused, as it was, for its owner alone: there are hashes in it. */
function rejectsFile({ terminal }: Context, name: string): { add(input: Input): void; close(): void } {
  const path = resolve(terminal.cwd, name);
  let file: number;
  try {
    file = openSync(path, "wx", 0o600);
  } catch (error) {
    throw new UsageError(`--rejects: ${path} cannot be made (${(error as NodeJS.ErrnoException).code})`);
  }
  let begun = false;
  return {
    add({ raw, header }) {
      const before = begun || header === undefined ? "" : `${header}\n`;
      begun = true;
      writeSync(file, `${before}${raw}\n`);
    },
    close: () => closeSync(file),
  };
}

function refusedEntry({ line }: Input, { code, message }: LatchkeyError): Refused {
  return { line, code, reason: message };
}

function textOf(counts: Counts, { dryRun }: Flags): string {
  const rows = Object.entries(counts).map(([what, count]) => [what, String(count)]);
  return `${dryRun ? "Nothing was written. This would happen:\n" : ""}${table(rows)}`;
}
