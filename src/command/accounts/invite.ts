/** `latchkey accounts invite`: a link that makes an account, or the first passkey of one that is there. */
import { type Command, Option } from "commander";
import type { Invitation } from "../../account/invitations.ts";
import { checkDisplayName, checkEmail, checkUsername } from "../../account/names.ts";
import { refuse } from "../../errors.ts";
import type { Installation } from "../../installation.ts";
import type { Millis } from "../../store/store.ts";
import { type Common, type Context, print, UsageError, withInstallation } from "../context.ts";
import { accountNamed } from "../named.ts";
import { span } from "../span.ts";
import { table } from "../terminal.ts";

const THREE_DAYS: Millis = 3 * 24 * 60 * 60 * 1000;

interface InviteFlags extends Common {
  name?: string;
  email?: string;
  verified?: true;
  username?: string;
  group?: string[];
  ttl: Millis;
}

export function inviteCommand(group: Command, context: Context): void {
  group
    .command("invite [account]")
    .description("a link that makes an account, or the first passkey of the account named")
    .option("--json", "print one JSON document")
    .option("--name <name>", "the person's name, filled in")
    .option("--email <address>", "the person's e-mail address, filled in")
    .option("--verified", "you vouch for the address: it counts as verified")
    .option("--username <username>", "the username; otherwise the person chooses")
    .option("--group <name...>", "groups of the new account")
    .addOption(
      new Option("--ttl <span>", "how long the link works").argParser(span).default(THREE_DAYS, "3d"),
    )
    .action((account: string | undefined, flags: InviteFlags) => invite(context, account, flags));
}

function invite(context: Context, named: string | undefined, flags: InviteFlags): Promise<void> {
  return withInstallation(context, async (installation) => {
    const invitation = named === undefined ? newcomer(flags) : await firstPasskey(installation, named, flags);
    const { token, expires } = await installation.invitations.issue(invitation, flags.ttl);
    const url = `${installation.settings.issuer}/invite/${token}`;
    const until = new Date(expires).toISOString();
    const rows = [
      ["invitation", url],
      ["expires", until],
    ];
    print(context, flags, { url, expires: until }, table(rows));
  });
}

function newcomer({ name, email, verified, username, group }: InviteFlags): Omit<Invitation, "expires"> {
  if (verified && email === undefined) throw new UsageError("--verified is about the address of --email");
  return {
    ...(name === undefined ? {} : { name: checkDisplayName(name) }),
    ...(email === undefined ? {} : { email: checkEmail(email).typed, emailVerified: verified === true }),
    ...(username === undefined ? {} : { username: checkUsername(username) }),
    ...(group === undefined ? {} : { groups: group }),
  };
}

async function firstPasskey(installation: Installation, named: string, flags: InviteFlags) {
  const { name, email, verified, username, group } = flags;
  if ([name, email, verified, username, group].some((flag) => flag !== undefined))
    throw new UsageError("an account that exists keeps its name, address, username and groups");
  const account = await accountNamed(installation, named);
  if (account.passkeys.some(({ state }) => state !== "pending"))
    throw refuse("account_exists", {
      detail: "It has a passkey. A temporary pass lets its owner in: latchkey pass issue.",
    });
  return { account: account.id };
}
