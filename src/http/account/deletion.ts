/** Deleting an account: asked for with a fresh proof, taken back for some days, then done. */
import type { Context } from "koa";
import type { Account } from "../../account/account.ts";
import { isDue } from "../../account/leave.ts";
import { closeEverything, closeOthers } from "../../oidc/belongings.ts";
import { currentSession, signOut } from "../../oidc/sessions.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readForm } from "../page/input.ts";
import { HOME, type Route } from "../page/route.ts";
import { backHome, ownerOf } from "./owner.ts";
import { sensitive } from "./sensitive.ts";

export const deletionRoutes: readonly Route[] = [
  ...sensitive({ path: `${HOME}/delete`, purpose: "delete_account", perform: schedule }),
  ["post", `${HOME}/delete/cancel`, cancel],
];

async function schedule(house: House, account: Account, { ctx }: { ctx: Context }): Promise<string> {
  const at = house.clock.now() + house.home.deletionGrace;
  const leaving = await house.accounts.scheduleDeletion(account.id, at);
  const undo = `${house.issuer.origin}${HOME}`;
  await house.notify(leaving, { kind: "account_deletion", at: house.clock.now(), undo });
  if (house.home.deletionGrace === 0) {
    await signOut(house, ctx);
    await eraseNow(house, leaving);
    return "/sign-in";
  }
  const { uid } = await currentSession(house, ctx);
  await closeOthers(house, leaving, uid);
  return `${HOME}?notice=deletion_scheduled`;
}

async function cancel(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  await readForm(ctx);
  const account = await ownerOf(house, ctx);
  await house.accounts.cancelDeletion(account.id);
  backHome(ctx, "deletion_cancelled");
}

/** Deletes all accounts whose time has come; returns how many. */
export async function eraseDue(house: House): Promise<number> {
  let erased = 0;
  for await (const account of house.accounts.list()) {
    if (isDue(account, { at: house.clock.now() }) && (await eraseNow(house, account))) erased++;
  }
  return erased;
}

/**
 * The document first: from then on nothing of the account opens anything, and a sign-in that began before finds nobody.
 * What was kept beside it goes afterwards, and its apps are told.
 */
async function eraseNow(house: House, account: Account): Promise<boolean> {
  if (!(await house.accounts.erase(account.id))) return false;
  await house.passwords?.forget(account.id);
  await closeEverything(house, account);
  return true;
}
