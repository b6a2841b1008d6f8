/** Whose page it is, and the way back to it. */
import type { Context } from "koa";
import type { Account } from "../../account/account.ts";
import { refuse } from "../../errors.ts";
import type { House } from "../page/house.ts";
import { HOME } from "../page/route.ts";
import { signedIn } from "../sign-in/session.ts";

/** The account that is signed in, for what is posted. @throws `session_required` */
export async function ownerOf(house: House, ctx: Context): Promise<Account> {
  const account = await signedIn(house, ctx);
  if (!account) throw refuse("session_required");
  return account;
}

/** Back to the page, which says what was done. */
export function backHome(ctx: Context, notice?: string): void {
  ctx.status = 303;
  ctx.redirect(notice === undefined ? HOME : `${HOME}?notice=${notice}`);
}
