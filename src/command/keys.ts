/** `latchkey keys`: the keys that ID tokens are signed with. Running servers follow within a second. */
import type { Command } from "commander";
import type { PlannedKey } from "../oidc/key-set.ts";
import { withoutNotice } from "../oidc/quiet.ts";
import { type Common, type Context, confirmed, mustBeAskable, print, withInstallation } from "./context.ts";
import { span } from "./span.ts";
import { table } from "./terminal.ts";

interface RotateFlags extends Common {
  after?: number;
  now?: true;
}

interface RetireFlags extends Common {
  yes?: true;
}

export function keysCommands(program: Command, context: Context): void {
  const group = program.command("keys").description("the keys that ID tokens are signed with");
  const leaf = (usage: string, words: string) =>
    group.command(usage).description(words).option("--json", "print one JSON document");
  leaf("list", "all keys: those that sign, those that will, those that have").action((flags: Common) =>
    list(context, flags),
  );
  leaf("rotate", "publish new keys, which sign when apps have had the time to learn of them")
    .option("--after <span>", "how long they are published before they sign (default: 1h)", span)
    .option("--now", "they sign at once: for a key that has leaked")
    .action((flags: RotateFlags) => rotate(context, flags));
  leaf("retire [kid]", "take a key away that signs no more; without a kid, all that nobody needs any more")
    .option("--yes", "do not ask")
    .action((kid: string | undefined, flags: RetireFlags) => retire(context, kid, flags));
}

function toPublic({ kid, alg, state, created, from, until }: PlannedKey) {
  const at = (time: number | undefined) => (time === undefined ? null : new Date(time).toISOString());
  return { kid, alg, state, created: at(created), signs_from: at(from ?? created), signed_until: at(until) };
}

function tableOf(keys: readonly PlannedKey[]): string {
  const rows = keys.map(toPublic).map(({ kid, alg, state, signs_from, signed_until }) => {
    const when = { next: `signs from ${signs_from}`, signing: "", past: `signed until ${signed_until}` };
    return [kid, alg, state, when[state]];
  });
  return rows.length === 0 ? "No keys yet: the first start makes them.\n" : table(rows);
}

const room = () => withoutNotice(() => import("../oidc/keys.ts"));

function list(context: Context, flags: Common): Promise<void> {
  return withInstallation(context, async (installation) => {
    const keys = await (await room()).listKeys(installation);
    print(context, flags, keys.map(toPublic), tableOf(keys));
  });
}

function rotate(context: Context, flags: RotateFlags): Promise<void> {
  return withInstallation(context, async (installation) => {
    const [{ rotateKeys }, { LEAD }] = await Promise.all([room(), import("../oidc/key-set.ts")]);
    const { made, keys } = await rotateKeys(installation, flags.now ? 0 : (flags.after ?? LEAD));
    const note = made ? "" : "Keys that are to sign next are published already.\n";
    print(context, flags, { rotated: made, keys: keys.map(toPublic) }, tableOf(keys) + note);
  });
}

async function retire(context: Context, kid: string | undefined, flags: RetireFlags): Promise<void> {
  if (kid !== undefined) mustBeAskable(context, flags.yes);
  return withInstallation(context, async (installation) => {
    const { listKeys, retireKey, retireOutlived } = await room();
    if (kid === undefined) {
      const gone = await retireOutlived(installation);
      const text = gone.length === 0 ? "Every key is still needed.\n" : `Retired: ${gone.join(", ")}\n`;
      return print(context, flags, { retired: gone }, text);
    }
    const question = "ID tokens that it signed will be accepted by nobody any more. Retire it?";
    const agreed = await confirmed(context, flags.yes, question);
    if (agreed) await retireKey(installation, kid);
    const text = agreed ? tableOf(await listKeys(installation)) : "Nothing was retired.\n";
    print(context, flags, { retired: agreed ? [kid] : [] }, text);
  });
}
