/** `latchkey groups`: which there are, and who is in one. */
import type { Command } from "commander";
import { type Account, ADMINISTRATORS } from "../account/account.ts";
import { checkGroup, groupNames } from "../account/groups.ts";
import type { Installation } from "../installation.ts";
import { type Common, type Context, confirmed, print, UsageError, withInstallation } from "./context.ts";
import { accountNamed } from "./named.ts";
import { table } from "./terminal.ts";

export function groupsCommands(program: Command, context: Context): void {
  const group = program.command("groups").description("groups of accounts; `administrators` is special");
  const leaf = (usage: string, words: string) =>
    group.command(usage).description(words).option("--json", "print one JSON document");
  const named = (value: string, all: string[]) => [...all, value];
  leaf("add <group>", "a group").action((name: string, flags: Common) => add(context, name, flags));
  leaf("list", "all groups, with the number of their members").action((flags: Common) =>
    list(context, flags),
  );
  leaf("members <group>", "who is in a group; --add and --remove may be repeated")
    .option("--add <account>", "let an account join: its username, verified e-mail address or id", named, [])
    .option("--remove <account>", "let an account leave", named, [])
    .action((name: string, flags: MemberFlags) => members(context, name, flags));
  leaf("remove <group>", "take a group away, and everybody out of it")
    .option("--yes", "do not ask")
    .action((name: string, flags: Common & { yes?: true }) => remove(context, name, flags));
}

interface MemberFlags extends Common {
  add: string[];
  remove: string[];
}

function add(context: Context, name: string, flags: Common): Promise<void> {
  return withInstallation(context, async ({ store }) => {
    await groupNames.add(store, name);
    print(context, flags, { name: checkGroup(name) }, `${checkGroup(name)} is there.\n`);
  });
}

function list(context: Context, flags: Common): Promise<void> {
  return withInstallation(context, async (installation) => {
    const counts = await countAll(installation);
    const groups = [...counts].map(([name, count]) => ({ name, members: count }));
    const rows = groups.map(({ name, members }) => [name, String(members)]);
    print(context, flags, groups, table([["group", "members"], ...rows]));
  });
}

/** Every group that was made, that a setting names, or that somebody is in. */
async function countAll({ accounts, store, settings }: Installation): Promise<Map<string, number>> {
  const named = [ADMINISTRATORS, ...Object.keys(settings.groups), ...(await groupNames.list(store))];
  const counts = new Map(named.map((name) => [name, 0]));
  for await (const account of accounts.list()) {
    for (const name of account.groups) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function members(context: Context, name: string, flags: MemberFlags): Promise<void> {
  return withInstallation(context, async (installation) => {
    const group = checkGroup(name);
    const [joining, leaving] = await Promise.all([
      idsOf(installation, flags.add),
      idsOf(installation, flags.remove),
    ]);
    if (joining.some((id) => leaving.includes(id))) throw new UsageError("one account cannot join and leave");
    if (joining.length > 0) await groupNames.add(installation.store, group);
    for (const id of joining) await installation.accounts.joinGroup(id, group);
    for (const id of leaving) await installation.accounts.leaveGroup(id, group);
    const found: Account[] = [];
    for await (const account of installation.accounts.list()) {
      if (account.groups.includes(group)) found.push(account);
    }
    found.sort((a, b) => (a.username < b.username ? -1 : 1));
    const document = { name: group, members: found.map(({ id, username }) => ({ id, username })) };
    const text = found.length === 0 ? "Nobody.\n" : table(found.map(({ username, id }) => [username, id]));
    print(context, flags, document, text);
  });
}

/** All of them are found before anything changes. @throws `account_unknown` */
function idsOf(installation: Installation, names: readonly string[]): Promise<string[]> {
  return Promise.all(names.map(async (name) => (await accountNamed(installation, name)).id));
}

async function remove(context: Context, name: string, flags: Common & { yes?: true }): Promise<void> {
  if (name === ADMINISTRATORS) throw new UsageError(`${ADMINISTRATORS} is special and stays`);
  if (!(await confirmed(context, flags.yes, `Take everybody out of ${name} and remove it?`)))
    return print(context, flags, { name, removed: false }, "Nothing was removed.\n");
  await withInstallation(context, async ({ accounts, store }) => {
    let left = 0;
    for await (const account of accounts.list()) {
      if (!account.groups.includes(name)) continue;
      await accounts.leaveGroup(account.id, name);
      left++;
    }
    await groupNames.remove(store, name);
    print(context, flags, { name, left }, `${name} is gone; ${left} accounts were in it.\n`);
  });
}
