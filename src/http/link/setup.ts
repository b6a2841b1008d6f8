/** The first owner's page, behind a one-time link. */
import type { Context } from "koa";
import { refuse } from "../../errors.ts";
import { passkeyAssurance } from "../../oidc/assurance.ts";
import { signIn } from "../../oidc/sessions.ts";
import { fingerprint } from "../../store/record.ts";
import { browserOf } from "../page/browser.ts";
import { askForPasskey, orForgotten, type Place, takePasskey } from "../page/ceremonies.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readRegistration } from "../page/input.ts";
import { localeOf, page } from "../page/page.ts";
import { HOME, param } from "../page/route.ts";

function placeOf(house: House, ctx: Context): Place {
  const browser = browserOf(ctx, house.issuer);
  return { page: `setup:${fingerprint(param(ctx, "token"))}:${browser}`, browser, action: "setup" };
}

/** `GET /setup/:token`: looking does not use the link up. */
export async function showSetup(house: House, ctx: Context): Promise<void> {
  if (!(await house.setup.check(param(ctx, "token")))) throw refuse("setup_link_invalid");
  const ceremony = await askForPasskey(house, placeOf(house, ctx), ctx.path);
  page(house.renderer, ctx, "create", { ...ceremony, setup: true });
}

/** `POST /setup/:token` */
export async function createOwner(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const { response, ...fields } = await readRegistration(ctx);
  if (!(await house.setup.check(param(ctx, "token")))) throw refuse("setup_link_invalid");
  const made = await takePasskey(house, placeOf(house, ctx), response);
  const passkey = { ...made.passkey, addedBy: "setup" as const };
  const input = { ...fields, language: localeOf(house.renderer, ctx), handle: made.handle, passkey };
  const owner = await orForgotten(house.setup.createOwner(param(ctx, "token"), input));
  await signIn(house, ctx, owner.id, passkeyAssurance(passkey));
  house.signedIn?.("setup");
  ctx.body = { location: HOME };
}
