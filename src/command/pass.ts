/** `latchkey pass`: temporary access passes, for people who cannot use any passkey of theirs. */
import { type Command, Option } from "commander";
import type { Account } from "../account/account.ts";
import type { Installation } from "../installation.ts";
import type { Millis } from "../store/store.ts";
import { type Common, type Context, print, UsageError, withInstallation } from "./context.ts";
import { accountNamed } from "./named.ts";
import { span } from "./span.ts";
import { table } from "./terminal.ts";

const HOUR: Millis = 60 * 60 * 1000;

export function passCommands(program: Command, context: Context): void {
  const group = program.command("pass").description("temporary access passes");
  const leaf = (usage: string, words: string) =>
    group.command(usage).description(words).option("--json", "print one JSON document");
  leaf("issue <account>", "a pass that lets somebody in once; it is printed this once")
    .addOption(new Option("--ttl <span>", "how long it works").argParser(span).default(HOUR, "1h"))
    .action((account: string, flags: IssueFlags) => issue(context, account, flags));
  leaf("revoke <account>", "take an account's pass back").action((account: string, flags: Common) =>
    revoke(context, account, flags),
  );
  leaf("list", "the passes that work now").action((flags: Common) => list(context, flags));
}

type IssueFlags = Common & { ttl: Millis };

function issue(context: Context, named: string, flags: IssueFlags): Promise<void> {
  return withInstallation(context, async (installation) => {
    const { accounts, settings, notify, clock } = installation;
    const { passMax } = settings.recovery;
    if (flags.ttl > passMax)
      throw new UsageError(`--ttl: at most ${passMax / HOUR} hours (recovery.passMax)`);
    const account = await accountNamed(installation, named);
    const { pass, expires } = await accounts.issuePass(account.id, { ttl: flags.ttl, by: "cli" });
    await notify(account, { kind: "pass_issued", at: clock.now() });
    // Behind the #, which no browser sends: the pass is in no log on the way.
    const url = `${settings.issuer}/pass#${encodeURIComponent(account.username)}/${pass}`;
    const until = new Date(expires).toISOString();
    const rows = [
      ["pass", pass],
      ["url", url],
      ["expires", until],
    ];
    print(context, flags, { pass, url, expires: until }, table(rows));
  });
}

function revoke(context: Context, named: string, flags: Common): Promise<void> {
  return withInstallation(context, async (installation) => {
    const { id, username, passes = [] } = await accountNamed(installation, named);
    await installation.accounts.revokePasses(id);
    const revoked = passes.length;
    print(context, flags, { id, revoked }, revoked ? `${username}: revoked.\n` : `${username}: no pass.\n`);
  });
}

function list(context: Context, flags: Common): Promise<void> {
  return withInstallation(context, async (installation) => {
    const found = await livePasses(installation);
    const rows = found.map(({ account, username, expires, by }) => [username, expires, by, account]);
    const text =
      rows.length === 0 ? "No pass works now.\n" : table([["username", "expires", "by", "id"], ...rows]);
    print(context, flags, found, text);
  });
}

async function livePasses({ accounts, clock }: Installation) {
  const found: { account: string; username: string; issued: string; expires: string; by: string }[] = [];
  for await (const account of accounts.list()) found.push(...live(account, clock.now()));
  return found;
}

function live({ id, username, passes = [] }: Account, now: number) {
  return passes
    .filter(({ expires }) => now < expires)
    .map(({ issued, expires, by }) => ({
      account: id,
      username,
      issued: new Date(issued).toISOString(),
      expires: new Date(expires).toISOString(),
      by,
    }));
}
