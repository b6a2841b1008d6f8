/** `latchkey migrate`: brings the data to the newest schema. Nothing waits for it: old records are read all the while. */
import { type Command, InvalidArgumentError } from "commander";
import type { Entry } from "../migrate/ledger.ts";
import { type Common, type Context, print, withInstallation } from "./context.ts";
import { progress } from "./progress.ts";
import { table } from "./terminal.ts";

interface UpFlags extends Common {
  dryRun?: true;
  rate?: number;
}

export function migrateCommands(program: Command, context: Context): void {
  const group = program.command("migrate").description("data migrations; servers may run all the while");
  const leaf = (usage: string, words: string) =>
    group.command(usage).description(words).option("--json", "print one JSON document");
  leaf("status", "which migrations are done, and how far a run has come").action((flags: Common) =>
    status(context, flags),
  );
  leaf("up", "run what is pending, or go on with what was interrupted")
    .option("--dry-run", "say how many records would change, and write nothing")
    .option("--rate <records>", "at most so many records a second", positive)
    .action((flags: UpFlags) => (flags.dryRun ? count(context, flags, 0) : up(context, flags)));
  leaf("verify", "look at every record; exit code 1 when one is older than a migration that is done").action(
    (flags: Common) => count(context, flags, 1),
  );
}

/** A whole number above zero, for an option. */
export function positive(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new InvalidArgumentError("Expected a number above 0.");
  return number;
}

async function list(entries: Record<string, Entry>) {
  const { migrations } = await import("../migrate/ledger.ts");
  return migrations.map(({ id, kind }) => {
    const { state, pass, seen, changed, started, finished } = entries[id] ?? {};
    const at = (time: number | undefined) => (time === undefined ? null : new Date(time).toISOString());
    return {
      id,
      kind,
      state: state ?? ("pending" as const),
      pass: pass ?? 0,
      seen: seen ?? 0,
      changed: changed ?? 0,
      started: at(started),
      finished: at(finished),
    };
  });
}

type Listed = Awaited<ReturnType<typeof list>>;

function tell(context: Context, flags: Common, listed: Listed): void {
  const pending = listed.filter(({ state }) => state !== "done").length;
  const rows = listed.map(({ id, kind, state, seen, changed, finished }) => [
    id,
    kind,
    state === "running" ? `running, ${seen} seen` : state,
    `${changed} changed`,
    finished ?? "",
  ]);
  const text = `${table([["migration", "kind", "state", "", "finished"], ...rows])}${pending} pending\n`;
  print(context, flags, { pending, migrations: listed }, text);
}

function status(context: Context, flags: Common): Promise<void> {
  return withInstallation(context, async ({ store }) => {
    const { readLedger } = await import("../migrate/ledger.ts");
    tell(context, flags, await list((await readLedger(store)).entries));
  });
}

function up(context: Context, flags: UpFlags): Promise<void> {
  return withInstallation(context, async ({ store, clock }) => {
    const { countOld, migrateUp } = await import("../migrate/run.ts");
    const bar = progress(context.terminal, "records");
    try {
      // Who watches wants to know how much there is.
      const totals = context.terminal.canAsk ? await countOld(store) : {};
      const shareOf = (id: string, { seen }: Entry) => {
        const total = totals[id]?.seen;
        return total ? Math.min(1, seen / total) : undefined;
      };
      const options = { store, clock, rate: flags.rate };
      const entries = await migrateUp({
        ...options,
        tell: (id, entry) => bar.tell(entry.seen, shareOf(id, entry)),
      });
      bar.end();
      tell(context, flags, await list(entries));
    } finally {
      bar.end();
    }
  });
}

/** Every record older than a migration; only those of one that is done are wrong. */
function count(context: Context, flags: Common, failure: number): Promise<void> {
  return withInstallation(context, async ({ store }) => {
    const [{ countOld }, { readLedger }] = await Promise.all([
      import("../migrate/run.ts"),
      import("../migrate/ledger.ts"),
    ]);
    const bar = progress(context.terminal, "records");
    const counts = await countOld(store, (_, seen) => bar.tell(seen, undefined));
    bar.end();
    const { entries } = await readLedger(store);
    const migrations = Object.entries(counts).map(([id, { seen, old }]) => ({
      id,
      state: entries[id]?.state ?? "pending",
      seen,
      old,
    }));
    const ok = migrations.every(({ state, old }) => state !== "done" || old === 0);
    const rows = migrations.map(({ id, state, seen, old }) => [id, state, `${old} of ${seen} to change`]);
    print(context, flags, { ok, migrations }, table([["migration", "state", "records"], ...rows]));
    if (!ok) context.outcome.code = failure;
  });
}
