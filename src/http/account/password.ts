/** The password on the owner's page: there is one thing that can be done with it, and no way back from that. */
import type { Context } from "koa";
import type { Account } from "../../account/account.ts";
import { hasOpenPassword, underSeal } from "../../account/password-way.ts";
import { missingWays, type RemovalRule } from "../../account/removal-guard.ts";
import { refuse } from "../../errors.ts";
import type { PasswordModel } from "../../view/models.ts";
import { undoOf } from "../link/undo-link.ts";
import type { House } from "../page/house.ts";
import { page } from "../page/page.ts";
import { HOME, type Route } from "../page/route.ts";
import { signedIn, toSignIn } from "../sign-in/session.ts";
import { type SensitiveAction, sensitive } from "./sensitive.ts";

const REMOVE = `${HOME}/password/remove`;

const removal: SensitiveAction = {
  path: REMOVE,
  purpose: "remove_password",
  instead: showMissing,
  about(account) {
    if (!hasOpenPassword(account)) throw refuse("not_found");
    return undefined;
  },
  /** The document says "closed", durably, before the verifier goes. */
  async perform(house, account) {
    const removed = await house.accounts.removePassword(account.id, (groups) => ruleOf(house, groups));
    await house.passwords?.forget(account.id);
    await house.notify(removed, {
      kind: "password_removed",
      at: house.clock.now(),
      ...undoOf(house, removed),
    });
    return `${HOME}/password/removed`;
  },
};

export const passwordRoutes: readonly Route[] = [
  ...sensitive(removal),
  ["get", `${HOME}/password/removed`, showRemoved],
];

/** What the page shows; nothing where there never was a password. */
export async function passwordSection(house: House, found: Account): Promise<PasswordModel | undefined> {
  if (!found.password) return undefined;
  const { password = found.password } = (await house.passwords?.available()) ? found : underSeal(found);
  return password.state === "open"
    ? { state: "open" }
    : { state: "closed", since: new Date(password.since).toISOString() };
}

/** Before anybody is asked for a passkey: what is missing is named, with the way to it. */
function showMissing(house: House, ctx: Context, account: Account): boolean {
  if (!hasOpenPassword(account)) return false;
  const lack = missingWays(account, ruleOf(house, account.groups));
  if (lack.missing.length > 0) page(house.renderer, ctx, "password_guard", lack);
  return lack.missing.length > 0;
}

function ruleOf({ settingsOf }: House, groups: readonly string[]): RemovalRule {
  const { passwords, recovery } = settingsOf(groups);
  return { removal: passwords.removal, codes: recovery.codes };
}

async function showRemoved(house: House, ctx: Context): Promise<void> {
  const account = await signedIn(house, ctx);
  if (!account) return toSignIn(ctx, HOME);
  if (account.password?.state !== "closed") throw refuse("not_found");
  page(house.renderer, ctx, "password_removed", {});
}
