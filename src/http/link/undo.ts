/** "It wasn't me", from a notice: says what will happen, and does it when the button is pressed. Looking changes nothing. */
import type { Context } from "koa";
import { type Account, accountRecord } from "../../account/account.ts";
import { madeSince, mayUndo } from "../../account/undo-conversion.ts";
import { refuse } from "../../errors.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readNothing } from "../page/input.ts";
import { page } from "../page/page.ts";
import { param } from "../page/route.ts";
import { readUndoToken } from "./undo-link.ts";

/** `GET /undo/:token` */
export async function showUndo(house: House, ctx: Context): Promise<void> {
  const { account } = await linked(house, ctx);
  page(house.renderer, ctx, "undo", {
    action: ctx.path,
    account: account.username,
    since: new Date(account.watch?.undo?.since ?? house.clock.now()).toISOString(),
    passkeys: madeSince(account).map(({ name }) => name),
  });
}

/** `POST /undo/:token` */
export async function undo(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  await readNothing(ctx);
  const { account, link } = await linked(house, ctx);
  const undone = await house.accounts.undoConversion(account.id, link);
  await house.passwords?.forget(undone.id);
  await house.endSessions(undone);
  await house.notify(undone, { kind: "conversion_undone", at: house.clock.now() });
  page(house.renderer, ctx, "undone", { recoverUrl: "/sign-in/recover" });
}

/** One answer to whatever is wrong with a link. @throws `undo_link_invalid` */
async function linked(house: House, ctx: Context): Promise<{ account: Account; link: string }> {
  const token = readUndoToken(param(ctx, "token"));
  const at = house.clock.now();
  // The document is looked at as it is: for a name that somebody made up none is made.
  const kept = token && (await accountRecord.read(house.store, token.account));
  const account =
    kept && mayUndo(kept.value, token.link, { at })
      ? (await house.accounts.find(token.account))?.value
      : undefined;
  if (!account || !token) throw refuse("undo_link_invalid");
  return { account, link: token.link };
}
