/** The session of our own pages, which apps share. */
import type { Context } from "koa";
import type { Account } from "../../account/account.ts";
import { isOver } from "../../account/sessions.ts";
import { currentSession, signOut } from "../../oidc/sessions.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readForm } from "../page/input.ts";
import { page } from "../page/page.ts";

/** The account that is signed in; a session of an account that is not active any more is none. */
export async function signedIn(house: House, ctx: Context): Promise<Account | undefined> {
  const { accountId, loginTs } = await currentSession(house, ctx);
  const account = accountId === undefined ? undefined : (await house.accounts.find(accountId))?.value;
  return account?.state === "active" && !isOver(account, loginTs) ? account : undefined;
}

/** Pages without a session lead to the sign-in page and back. */
export function toSignIn(ctx: Context, back: string): void {
  ctx.status = 303;
  ctx.redirect(`/sign-in?to=${encodeURIComponent(back)}`);
}

/** `POST /account/sign-out` */
export async function signOutHere(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  await readForm(ctx);
  await signOut(house, ctx);
  page(house.renderer, ctx, "logged_out", {});
}
