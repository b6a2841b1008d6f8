/** `latchkey store backup` and `restore`: one encrypted file, and back. */
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { systemClock } from "../../clock.ts";
import { maskAddress } from "../../config/quote.ts";
import { withoutNotice } from "../../oidc/quiet.ts";
import { createVault } from "../../vault.ts";
import {
  type Common,
  type Context,
  confirmed,
  loaded,
  mustBeAskable,
  print,
  UsageError,
  warnings,
  withInstallation,
} from "../context.ts";
import { progress } from "../progress.ts";
import { table } from "../terminal.ts";
import { shelfOf } from "./places.ts";

export interface BackupFlags extends Common {
  withPasswords?: true;
}

export interface RestoreFlags extends Common {
  yes?: true;
}

/** What the vault derives the key of a backup for. */
const PURPOSE = "backup";

export function backupTo(context: Context, file: string, flags: BackupFlags): Promise<void> {
  const path = resolve(context.terminal.cwd, file);
  if (existsSync(path)) throw new UsageError(`${path} exists already`);
  return withInstallation(context, async ({ store, vault, clock, settings }) => {
    const [{ backup }, { writeSealed }] = await Promise.all([
      import("../../transfer/backup.ts"),
      import("../../transfer/sealed-file.ts"),
    ]);
    const shelf = flags.withPasswords ? await shelfOf(store, settings.store) : undefined;
    const created = new Date(clock.now()).toISOString();
    const writer = opened(() => writeSealed(path, vault.derive(PURPOSE)[0] ?? "", created));
    const bar = progress(context.terminal, "records");
    try {
      const counts = await backup(store, writer, {
        passwords: shelf,
        tell: (done) => bar.tell(done, undefined),
      });
      const done = { file: path, created, ...counts, ...writer.finish() };
      bar.end();
      print(context, flags, done, table(Object.entries(done).map(([name, value]) => [name, String(value)])));
    } catch (error) {
      writer.abandon();
      throw error;
    } finally {
      bar.end();
    }
  });
}

function opened<T>(open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw new UsageError(`the file cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
}

export async function restoreFrom(context: Context, file: string, flags: RestoreFlags): Promise<void> {
  const path = resolve(context.terminal.cwd, file);
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) throw new UsageError(`${path} is not a file`);
  mustBeAskable(context, flags.yes);
  const { settings } = await loaded(context);
  const name = maskAddress(settings.store);
  if (!(await confirmed(context, flags.yes, `Restore into ${name}? What is there stays as it is.`)))
    return print(context, flags, { restored: false }, "Nothing was restored.\n");
  const [{ rootSecrets }, { connectStore }, { restore }, { readSealed }, { requireFit }] = await Promise.all([
    import("../../config/root-secret.ts"),
    import("../../store/connect.ts"),
    import("../../transfer/restore.ts"),
    import("../../transfer/sealed-file.ts"),
    withoutNotice(() => import("../../installation.ts")),
  ]);
  const vault = createVault(rootSecrets(settings, true));
  const log = warnings(context.terminal);
  const store = await connectStore(settings.store, { log, durability: settings.durability });
  const bar = progress(context.terminal, "% ");
  try {
    const counts = await restore({
      store,
      clock: systemClock,
      read: () => readSealed(path, vault.derive(PURPOSE)),
      shelf: () => shelfOf(store, settings.store),
      checkMeta: (meta) => requireFit(meta, vault, settings),
      tell: (_, share) => bar.tell(Math.round(share * 100), share),
    });
    bar.end();
    print(context, flags, { restored: true, ...counts }, textOf(counts));
    if (counts.refused.length > 0) context.outcome.code = 1;
  } finally {
    bar.end();
    await store.close();
  }
}

function textOf({
  passwords,
  refused,
  ...counts
}: Awaited<ReturnType<typeof import("../../transfer/restore.ts").restore>>) {
  const rows = [
    ...Object.entries(counts).map(([name, count]) => [name, String(count)]),
    ["passwords", `${passwords.restored} restored, ${passwords.dropped} left out`],
    ...refused.map((id) => ["not restored", `${id}: somebody else has its name or address by now`]),
  ];
  return table(rows);
}
