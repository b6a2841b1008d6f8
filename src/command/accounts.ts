/** `latchkey accounts`: who has an account here. */
import type { Command } from "commander";
import type { Account, Passkey } from "../account/account.ts";
import type { Installation } from "../installation.ts";
import { importCommand } from "./accounts/import.ts";
import { inviteCommand } from "./accounts/invite.ts";
import { standingCommands } from "./accounts/standing.ts";
import { type Common, type Context, print, withInstallation } from "./context.ts";
import { accountNamed } from "./named.ts";
import { table } from "./terminal.ts";

export function accountsCommands(program: Command, context: Context): void {
  const group = program.command("accounts").description("the accounts of this installation");
  const leaf = (usage: string, words: string) =>
    group.command(usage).description(words).option("--json", "print one JSON document");
  importCommand(group, context);
  leaf("list", "all accounts").action((flags: Common) => list(context, flags));
  leaf("show <account>", "one account, by username, verified e-mail address or id").action(
    (account: string, flags: Common) => show(context, account, flags),
  );
  inviteCommand(group, context);
  standingCommands(group, context);
}

function list(context: Context, flags: Common): Promise<void> {
  return withInstallation(context, async ({ accounts, store }) => {
    const found: Account[] = [];
    const as = await seenIn(store);
    for await (const account of accounts.list()) found.push(as(account));
    found.sort((a, b) => (a.username < b.username ? -1 : 1));
    const rows = found.map(({ username, email, state, passkeys, id }) => [
      username,
      email ?? "",
      state,
      String(passkeys.length),
      id,
    ]);
    const text =
      rows.length === 0
        ? "No accounts yet.\n"
        : table([["username", "e-mail", "state", "passkeys", "id"], ...rows]);
    print(context, flags, found.map(toPublic), text);
  });
}

function show(context: Context, named: string, flags: Common): Promise<void> {
  return withInstallation(context, async (installation) => {
    const account = (await seenIn(installation.store))(await accountNamed(installation, named));
    print(context, flags, toPublic(account), table(rowsOf(account)));
  });
}

/** In a sealed store no password is a way in, whatever a document still says. */
async function seenIn(store: Installation["store"]): Promise<(account: Account) => Account> {
  const [{ readPasswordState }, { underSeal }] = await Promise.all([
    import("../account/password-state.ts"),
    import("../account/password-way.ts"),
  ]);
  const { seal } = await readPasswordState(store);
  return seal === "sealed" ? underSeal : (account) => account;
}

/** The account in the words of the contract; nothing that signs in, and nothing internal. */
function toPublic(account: Account) {
  return {
    id: account.id,
    username: account.username,
    email: account.email ?? null,
    email_verified: account.emailVerified,
    name: account.name ?? null,
    groups: account.groups,
    state: account.state,
    ways: waysOf(account),
    passkeys: account.passkeys.map(passkeyToPublic),
    created: new Date(account.created).toISOString(),
  };
}

/** The ways in that are open, in the words of the contract. */
function waysOf({ passkeys, password, recoveryCodes }: Account): string[] {
  return [
    ...(passkeys.some(({ state }) => state === "active") ? ["passkey"] : []),
    ...(password?.state === "open" ? ["password"] : []),
    ...(recoveryCodes && recoveryCodes.left.length > 0 ? ["recovery_codes"] : []),
  ];
}

function passkeyToPublic(passkey: Passkey) {
  return {
    id: passkey.id,
    name: passkey.name,
    aaguid: passkey.aaguid,
    synced: passkey.backupEligible,
    backed_up: passkey.backedUp,
    created: new Date(passkey.created).toISOString(),
    last_used: passkey.lastUsed ?? null,
    state: passkey.state,
  };
}

function rowsOf(account: Account): string[][] {
  const { ways } = toPublic(account);
  const verified = account.emailVerified ? "" : " (not verified)";
  return [
    ["id", account.id],
    ["username", account.username],
    ["e-mail", account.email === undefined ? "-" : `${account.email}${verified}`],
    ["name", account.name ?? "-"],
    ["groups", account.groups.join(", ") || "-"],
    ["state", account.state],
    ["ways in", ways.join(", ") || "none"],
    ...account.passkeys.map(({ name, state, lastUsed }) => [
      "passkey",
      `${name} (${state}, last used ${lastUsed ?? "never"})`,
    ]),
  ];
}
