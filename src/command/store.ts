/** `latchkey store`: the data as a whole. */
import type { Command } from "commander";
import type { Context } from "./context.ts";
import type { BackupFlags, RestoreFlags } from "./store/backup.ts";
import type { CopyFlags } from "./store/copy.ts";
import type { VerifyFlags } from "./store/verify.ts";

export function storeCommands(program: Command, context: Context): void {
  const group = program.command("store").description("the data as a whole: move it, keep a copy, check it");
  const leaf = (usage: string, words: string) =>
    group.command(usage).description(words).option("--json", "print one JSON document");
  leaf("copy <from> <to>", "move to another store while servers run; the last step stops writes for a moment")
    .option("--no-switch", "only copy; run it again later to move")
    .option("--yes", "do not ask before the move")
    .action(async (from: string, to: string, flags: CopyFlags) =>
      (await import("./store/copy.ts")).copy(context, from, to, flags),
    );
  leaf("backup <file>", "one encrypted file that only the root secret opens")
    .option("--with-passwords", "legacy passwords, too; without it there are none in the file")
    .action(async (file: string, flags: BackupFlags) =>
      (await import("./store/backup.ts")).backupTo(context, file, flags),
    );
  leaf("restore <file>", "bring back what is missing; what is there stays as it is")
    .option("--yes", "do not ask")
    .action(async (file: string, flags: RestoreFlags) =>
      (await import("./store/backup.ts")).restoreFrom(context, file, flags),
    );
  leaf("verify", "look at every reference between records; exit code 1 when one is wrong")
    .option("--fix", "repair what can be repaired")
    .action(async (flags: VerifyFlags) => (await import("./store/verify.ts")).verify(context, flags));
}
