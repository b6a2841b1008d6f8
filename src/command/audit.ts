/** `latchkey audit`: what happened here, and whether the log still says so. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Wanted } from "../audit/events.ts";
import { day } from "../clock.ts";
import type { Event } from "../events.ts";
import type { Installation } from "../installation.ts";
import { visibleJson } from "../log/fields.ts";
import { type Common, type Context, print, UsageError, withInstallation } from "./context.ts";
import { positive } from "./migrate.ts";
import { progress } from "./progress.ts";
import { table } from "./terminal.ts";

interface Flags extends Common {
  from?: string;
  to?: string;
  account?: string;
  type?: string;
}

interface TailFlags extends Flags {
  lines: number;
}

interface ExportFlags extends Flags {
  format: "jsonl" | "csv";
}

interface VerifyFlags extends Common {
  head?: string;
}

export function auditCommands(program: Command, context: Context): void {
  const group = program.command("audit").description("what happened here");
  const leaf = (usage: string, words: string) =>
    group.command(usage).description(words).option("--json", "print one JSON document");
  const filtered = (command: Command) =>
    command
      .option("--from <day>", "the first day, such as 2026-11-22 (default: the first there is)", date)
      .option("--to <day>", "the last day (default: today)", date)
      .option("--account <id>", "events of one account")
      .option("--type <type>", "events of one type, such as passkey.registered");
  filtered(leaf("tail", "the newest events"))
    .option("-n, --lines <count>", "how many", positive, 20)
    .action((flags: TailFlags) => tail(context, flags));
  filtered(leaf("export", "all events, as JSON Lines or as CSV that no spreadsheet takes for formulas"))
    .addOption(new Option("--format <format>", "how").choices(["jsonl", "csv"]).default("jsonl"))
    .action((flags: ExportFlags) => exportAll(context, flags));
  leaf("verify", "whether what was sealed was changed since; exit code 1 when it was")
    .option("--head <seal>", "a seal that was kept elsewhere, which must be among those here")
    .action((flags: VerifyFlags) => verify(context, flags));
}

function date(text: string): string {
  if (!/^\d{4}-\d\d-\d\d$/.test(text) || Number.isNaN(Date.parse(text)))
    throw new InvalidArgumentError("Expected a day such as 2026-11-22.");
  return text;
}

const room = () => import("../audit/events.ts");

function wantedOf({ clock, meta }: Installation, { from, to, account, type }: Flags): Wanted {
  // Imported clocks differ: a day more is looked at than there should be.
  const first = day(meta.created - 24 * 60 * 60 * 1000);
  return { from: from ?? first, to: to ?? day(clock.now()), account, type };
}

function tail(context: Context, flags: TailFlags): Promise<void> {
  return withInstallation(context, async (installation) => {
    const { newest } = await room();
    const events = await newest(installation.store, wantedOf(installation, flags), flags.lines);
    print(context, flags, events, events.length === 0 ? "No events.\n" : table(events.map(rowOf)));
  });
}

function rowOf({ at, type, account = "", subject = "", detail }: Event): string[] {
  return [new Date(at).toISOString(), type, account, subject, detail ? JSON.stringify(detail) : ""];
}

function exportAll(context: Context, flags: ExportFlags): Promise<void> {
  if (flags.json && flags.format === "csv")
    throw new UsageError("--json and --format csv exclude each other");
  return withInstallation(context, async (installation) => {
    const [{ eventsOf }, { csvLine, HEAD }] = await Promise.all([room(), import("../audit/csv.ts")]);
    const { out } = context.terminal;
    if (flags.json) out("[");
    else if (flags.format === "csv") out(HEAD);
    let between = "\n";
    for await (const { event } of eventsOf(installation.store, wantedOf(installation, flags))) {
      if (flags.json) out(`${between}${visibleJson(event)}`);
      else out(flags.format === "csv" ? csvLine(event) : `${visibleJson(event)}\n`);
      between = ",\n";
    }
    if (flags.json) out("\n]\n");
  });
}

function verify(context: Context, flags: VerifyFlags): Promise<void> {
  return withInstallation(context, async ({ store, vault, clock, meta }) => {
    const { verifyAudit } = await import("../audit/verify.ts");
    const bar = progress(context.terminal, "events");
    try {
      const options = { store, vault, clock, since: meta.created, expect: flags.head };
      const report = await verifyAudit({ ...options, tell: (events) => bar.tell(events, undefined) });
      bar.end();
      const rows = [
        ["sealed events", String(report.sealed)],
        ["not sealed yet", String(report.unsealed)],
        ["newest seal", report.head ?? "-"],
        ...report.problems.map((problem) => ["problem", problem]),
      ];
      print(context, flags, report, table(rows));
      if (!report.ok) context.outcome.code = 1;
    } finally {
      bar.end();
    }
  });
}
