/** What an app may know: the last page of its request, where the owner of an account decides. */
import type { Context } from "koa";
import { refuse } from "../../errors.ts";
import { isOpenToId } from "../../oidc/access.ts";
import {
  allowAccess,
  appOf,
  clientOf,
  decider,
  denyAccess,
  type Interaction,
  loadInteraction,
  requestedBy,
} from "../../oidc/interaction.ts";
import { namesOf } from "../../oidc/scopes.ts";
import { allowFormTo } from "../entrance/headers.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readDecision } from "../page/input.ts";
import { page } from "../page/page.ts";
import { param } from "../page/route.ts";

/** Shows the page, once somebody is known who can decide. */
export async function showConsent(house: House, ctx: Context, interaction: Interaction): Promise<void> {
  const accountId = decider(interaction);
  const account = accountId === undefined ? undefined : await house.accounts.find(accountId);
  if (!account) throw refuse("interaction_expired");
  const client = await clientOf(house.provider, interaction);
  // Since this request began, or its owner has come back to this page: there is nothing to decide.
  if (!(await isOpenToId(house, client, account.value.id))) {
    ctx.status = 303;
    return ctx.redirect(interaction.returnTo);
  }
  allowFormTo(ctx, interaction.params.redirect_uri as string | undefined);
  const model = {
    app: appOf(client, house.issuer),
    action: `/interaction/${interaction.uid}/consent`,
    account: account.value.email ?? account.value.username,
    scopes: namesOf(requestedBy(interaction)),
  };
  page(house.renderer, ctx, "consent", model, interaction.params.ui_locales);
}

/** `POST /interaction/:uid/consent`, as JSON from the page's script or as the plain form. */
export async function decideConsent(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const decision = await readDecision(ctx);
  const interaction = await loadInteraction(house.provider, ctx, param(ctx, "uid"));
  if (!interaction.result?.login && interaction.prompt.name !== "consent")
    throw refuse("interaction_expired");
  const location =
    decision === "allow" ? await allowAccess(house, interaction) : await denyAccess(interaction);
  if (ctx.is("json")) {
    ctx.body = { location };
  } else {
    ctx.status = 303;
    ctx.redirect(location);
  }
}
