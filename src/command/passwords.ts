/** `latchkey passwords`: the way to zero. */
import { type Command, Option } from "commander";
import { readPasswordState } from "../account/password-state.ts";
import { passwordStatus } from "../account/password-status.ts";
import type { Installation } from "../installation.ts";
import { type Common, type Context, confirmed, print, UsageError, withInstallation } from "./context.ts";
import { exportStuck } from "./passwords/export.ts";
import { prove, verifyReport } from "./passwords/proof.ts";
import { sealStore } from "./passwords/seal.ts";
import { progress } from "./progress.ts";
import { table } from "./terminal.ts";

interface Consent extends Common {
  yes?: true;
}

export function passwordsCommands(program: Command, context: Context): void {
  const group = program.command("passwords").description("the way to zero passwords");
  const leaf = (usage: string, words: string) =>
    group.command(usage).description(words).option("--json", "print one JSON document");
  const several = (value: string, all: string[]) => [...all, value];
  leaf("status", "how many accounts still have one, by group and day, and who is stuck")
    .option("--export <file>", "write who still has one, and why, as CSV")
    .action((flags: Common & { export?: string }) => status(context, flags));
  leaf("drop", "let go of passwords that are left; what is left to their accounts is recovery, or a pass")
    .option("--group <group>", "of the members of a group")
    .option("--all", "of everybody")
    .option("--inactive-since <date>", "only where nobody came in on this day or later", date)
    .option("--yes", "do not ask")
    .action((flags: DropFlags) => drop(context, flags));
  leaf("purge", "encrypt what is left under a new key and destroy the old one").action((flags: Common) =>
    purge(context, flags),
  );
  leaf("seal", "take passwords out of the store for good; only when none is left")
    .option("--waive <file>", "accounts, one a line, whose passwords are dropped with it")
    .option("--yes", "do not ask")
    .action((flags: Consent & { waive?: string }) => sealStore(context, flags));
  leaf("prove", "look for passwords in the store and its files, and sign what comes out")
    .addOption(
      new Option("--files <folder>", "logs, exports, backups to look through; may be repeated")
        .argParser(several)
        .default([], "none"),
    )
    .option("--out <file>", "where the report goes")
    .option("--verify <file>", "check a report instead")
    .action((flags: Common & { files: string[]; out?: string; verify?: string }) =>
      flags.verify === undefined ? prove(context, flags) : verifyReport(context, flags.verify, flags),
    );
}

function status(context: Context, flags: Common & { export?: string }): Promise<void> {
  const exported = flags.export === undefined ? undefined : exportStuck(context, flags.export);
  return withInstallation(context, async ({ accounts, store, clock }) => {
    const { seal } = await readPasswordState(store);
    const facts = { sealed: seal === "sealed", now: clock.now() };
    try {
      const found = await passwordStatus(accounts.list(), facts, exported?.add);
      const { groups, trend, stuck, ...counts } = found;
      const rows = Object.entries(counts).map(([name, value]) => [name.replaceAll("_", " "), String(value)]);
      const why = Object.entries(stuck).filter(([, count]) => count > 0);
      const text = [
        table(rows),
        ...Object.entries(groups).map(
          ([name, own]) => `${name}: ${own.password_only + own.password_and_passkey} left\n`,
        ),
        ...why.map(([reason, count]) => `stuck, ${reason}: ${count}\n`),
        ...trend
          .slice(-14)
          .map(({ day, imported, closed }) => `${day}: ${imported} came, ${closed} left behind\n`),
      ];
      print(context, flags, found, text.join(""));
    } finally {
      exported?.close();
    }
  });
}

interface DropFlags extends Consent {
  group?: string;
  all?: true;
  inactiveSince?: string;
}

async function drop(context: Context, flags: DropFlags): Promise<void> {
  const { group, all, inactiveSince } = flags;
  if ((group === undefined) === (all === undefined))
    throw new UsageError("name one: --group <group>, or --all");
  const filter = {
    ...(group === undefined ? {} : { group }),
    ...(inactiveSince === undefined ? {} : { inactiveSince }),
  };
  const work = await import("../password/drop.ts");
  await withInstallation(context, async (installation) => {
    const { accounts, notify, clock } = installation;
    const { dropped, without_passkey } = await work.countDrops(accounts, filter);
    const question =
      `Drop ${dropped} passwords, of which ${without_passkey} are the only way in? They do not come back, and ` +
      `those accounts are left with recovery or a pass.`;
    if (!(await confirmed(context, flags.yes, question)))
      return print(context, flags, { dropped: 0, without_passkey: 0 }, "Nothing was dropped.\n");
    const bar = progress(context.terminal, "passwords");
    const safe = await safeOf(installation);
    const done = await work.drop(safe, accounts, filter, async (account, count) => {
      bar.tell(count, count / Math.max(1, dropped));
      await notify(account, { kind: "password_dropped", at: clock.now() });
    });
    bar.end();
    print(
      context,
      flags,
      done,
      `${done.dropped} passwords are gone; ${done.without_passkey} accounts have no passkey.\n`,
    );
  });
}

function purge(context: Context, flags: Common): Promise<void> {
  return withInstallation(context, async (installation) => {
    const { purge: run } = await import("../password/purge.ts");
    const done = await run(await safeOf(installation));
    print(
      context,
      flags,
      done,
      `${done.kept} verifiers have a new key; ${done.keys} old keys are destroyed.\n`,
    );
  });
}

async function safeOf(installation: Installation) {
  const { passwordSafe } = await import("../password-room.ts");
  return passwordSafe(installation);
}

function date(text: string): string {
  if (!/^\d{4}-\d\d-\d\d$/.test(text) || Number.isNaN(Date.parse(text))) {
    throw new UsageError("--inactive-since: expected a date such as 2027-01-31");
  }
  return text;
}
