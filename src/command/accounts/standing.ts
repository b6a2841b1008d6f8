/** `latchkey accounts disable`, `enable` and `delete`: whether somebody may come in at all. */
import type { Command } from "commander";
import type { Account } from "../../account/account.ts";
import type { NoticeKind } from "../../account/notices.ts";
import type { Installation } from "../../installation.ts";
import { withoutNotice } from "../../oidc/quiet.ts";
import { openPasswords } from "../../password-room.ts";
import { type Common, type Context, confirmed, mustBeAskable, print, withInstallation } from "../context.ts";
import { accountNamed } from "../named.ts";

export function standingCommands(group: Command, context: Context): void {
  const leaf = (usage: string, words: string) =>
    group.command(usage).description(words).option("--json", "print one JSON document");
  leaf("disable <account>", "close an account and end all it has open, until it is enabled").action(
    (account: string, flags: Common) => disable(context, account, flags),
  );
  leaf("enable <account>", "open it again; whoever was signed in signs in anew").action(
    (account: string, flags: Common) => enable(context, account, flags),
  );
  leaf("delete <account>", "delete an account for good")
    .option("--yes", "do not ask")
    .action((account: string, flags: DeleteFlags) => remove(context, account, flags));
}

type DeleteFlags = Common & { yes?: true };

/**
 * The document first: from then on nothing of it opens anything, on any instance. A repeat ends what a command that
 * was killed did not come to.
 */
function disable(context: Context, named: string, flags: Common): Promise<void> {
  return withInstallation(context, async (installation) => {
    const before = await accountNamed(installation, named);
    const account = await installation.accounts.disable(before.id);
    const { belongings, from } = await ending(installation);
    await belongings.closeSessions(from, account);
    if (before.state !== account.state) await tell(installation, account, "account_disabled");
    told(context, flags, account, "disabled; all it had open has ended");
  });
}

function enable(context: Context, named: string, flags: Common): Promise<void> {
  return withInstallation(context, async (installation) => {
    const before = await accountNamed(installation, named);
    const account = await installation.accounts.enable(before.id);
    if (before.state !== account.state) await tell(installation, account, "account_enabled");
    told(context, flags, account, "enabled");
  });
}

/** An owner is told at his address, which a document that is gone does not name any more; a server sends it. */
function tell({ notify, clock }: Installation, account: Account, kind: NoticeKind): Promise<void> {
  return notify(account, { kind, at: clock.now() });
}

function told(context: Context, flags: Common, { id, username, state }: Account, words: string): void {
  print(context, flags, { id, username, state }, `${username}: ${words}.\n`);
}

/** What is kept beside the document goes after it, as when an owner leaves. */
function remove(context: Context, named: string, flags: DeleteFlags): Promise<void> {
  mustBeAskable(context, flags.yes);
  return withInstallation(context, async (installation) => {
    const account = await accountNamed(installation, named);
    const { id, username } = account;
    const question = `Delete ${username} for good? Apps will never see this account again.`;
    const agreed = await confirmed(context, flags.yes, question);
    const deleted = agreed && (await installation.accounts.erase(id, { whenever: true }));
    if (deleted) {
      await (await openPasswords(installation))?.forget(id);
      const { belongings, from } = await ending(installation);
      await belongings.closeEverything(from, account);
      await tell(installation, account, "account_deleted");
    }
    const words = deleted ? "deleted" : "not deleted";
    print(context, flags, { id, username, deleted }, `${username}: ${words}.\n`);
  });
}

/** The library is loaded by the commands that tell apps, and by no other. */
async function ending(installation: Installation) {
  const [belongings, { fromOutside }] = await withoutNotice(() =>
    Promise.all([import("../../oidc/belongings.ts"), import("../../oidc/outside.ts")]),
  );
  return { belongings, from: await fromOutside(installation) };
}
