/** `latchkey passwords seal`: only at zero, or with the exceptions named. */
import { resolve } from "node:path";
import { readPasswordState } from "../../account/password-state.ts";
import { readText } from "../../config/files.ts";
import { refuse } from "../../errors.ts";
import type { Installation } from "../../installation.ts";
import { type Common, type Context, confirmed, print, UsageError, withInstallation } from "../context.ts";

interface Flags extends Common {
  yes?: true;
  waive?: string;
}

export async function sealStore(context: Context, flags: Flags): Promise<void> {
  const names = flags.waive === undefined ? [] : linesOf(context, flags.waive);
  const question = "Seal? No password comes back into this store, by anyone, ever.";
  if (!(await confirmed(context, flags.yes, question)))
    return print(context, flags, { changed: false }, "Nothing was sealed.\n");
  await withInstallation(context, async (installation) => {
    const { store, accounts } = installation;
    // Again: what an import left that slept through the seal is closed now, and not within the hour.
    if ((await readPasswordState(store)).seal === "sealed") await accounts.sweep();
    else await seal(installation, names);
    const { since, waived = [] } = await readPasswordState(store);
    const acl = store.driver === "redis" ? aclLine() : undefined;
    const document = { sealed: true, since: new Date(since).toISOString(), waived, ...(acl ? { acl } : {}) };
    const hint = acl ? `So that Redis itself keeps it so:\n  ${acl}\n` : "";
    print(
      context,
      flags,
      document,
      `Sealed since ${document.since}. Prove it: latchkey passwords prove\n${hint}`,
    );
  });
}

async function seal(installation: Installation, names: readonly string[]): Promise<void> {
  const [work, { passwordSafe }] = await Promise.all([
    import("../../password/seal.ts"),
    import("../../password-room.ts"),
  ]);
  const waive = await Promise.all(
    names.map(async (name) => {
      const { accounts } = installation;
      const found = (await accounts.find(name)) ?? (await accounts.findByLogin(name));
      if (!found) throw refuse("account_unknown", { detail: `No account is called ${name.slice(0, 64)}.` });
      return found.value.id;
    }),
  );
  await work.seal(await passwordSafe(installation), {
    waive,
    tell: (account) =>
      installation.notify(account, { kind: "password_dropped", at: installation.clock.now() }),
  });
}

function linesOf({ terminal }: Context, file: string): string[] {
  const path = resolve(terminal.cwd, file);
  const found = readText(path) ?? { problem: `${path} does not exist` };
  if ("problem" in found) throw new UsageError(`--waive: ${found.problem}`);
  return found.text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

const PREFIX = "latchkey:";
const WORD = "password";

/**
 * What the server's user may touch: every key but those that hold verifiers and their keys. Redis only knows what is
 * allowed, so the patterns go along the letters of the forbidden word and leave it at each of them.
 */
export function aclLine(user = "latchkey"): string {
  const letters = [...WORD];
  const beside = letters.map((letter, at) => `~${PREFIX}${WORD.slice(0, at)}[^${letter}]*`);
  return `ACL SETUSER ${user} resetkeys ${[...beside, `~${PREFIX}${WORD}[^:k]*`].join(" ")}`;
}
