/** Where an invitation leads: to a new account, or to the first passkey of one that is there already. */
import type { Context } from "koa";
import type { Account } from "../../account/account.ts";
import type { Invitation } from "../../account/invitations.ts";
import { parseEmail } from "../../account/names.ts";
import { refuse } from "../../errors.ts";
import { passkeyAssurance } from "../../oidc/assurance.ts";
import { signIn } from "../../oidc/sessions.ts";
import { fingerprint } from "../../store/record.ts";
import { browserOf } from "../page/browser.ts";
import { askForPasskey, orForgotten, type Place, takePasskey } from "../page/ceremonies.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, type RegistrationBody, readRegistration } from "../page/input.ts";
import { page } from "../page/page.ts";
import { HOME, param } from "../page/route.ts";

function placeOf(house: House, ctx: Context): Place {
  const browser = browserOf(ctx, house.issuer);
  return { page: `invite:${fingerprint(param(ctx, "token"))}:${browser}`, browser, action: "invite" };
}

/** `GET /invite/:token`: looking does not use the link up. */
export async function showInvitation(house: House, ctx: Context): Promise<void> {
  const invitation = await house.invitations.find(param(ctx, "token"));
  if (!invitation) throw refuse("invitation_invalid");
  const account = await invitedAccount(house, invitation);
  const ceremony = await askForPasskey(house, placeOf(house, ctx), ctx.path, account);
  if (account) {
    page(house.renderer, ctx, "enrol", { ...ceremony, purpose: "invitation" });
    return;
  }
  const { name, email } = invitation;
  const filled = { ...(name === undefined ? {} : { name }), ...(email === undefined ? {} : { email }) };
  page(house.renderer, ctx, "create", { ...ceremony, ...filled, setup: false });
}

/** `POST /invite/:token` */
export async function acceptInvitation(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const { response, lost: _, ...fields } = await readRegistration(ctx);
  const token = param(ctx, "token");
  if (!(await house.invitations.find(token))) throw refuse("invitation_invalid");
  const made = await takePasskey(house, placeOf(house, ctx), response);
  const passkey = { ...made.passkey, addedBy: "invitation" as const };
  const redeemed = house.invitations.redeem(token, async (invitation) => {
    const account = await invitedAccount(house, invitation);
    // The challenge was given for one of the two; an account that came or went meanwhile makes it void.
    if (account?.id !== made.accountId) throw refuse("ceremony_expired");
    if (account) return house.accounts.addPasskey(account.id, passkey);
    return house.accounts.create({ ...mixed(invitation, fields), handle: made.handle, passkey });
  });
  const account = await orForgotten(redeemed);
  // Whoever had the link need not be the one whose account it is.
  if (made.accountId !== undefined) {
    await house.notify(account, { kind: "passkey_added", at: house.clock.now(), about: passkey.name });
  }
  await signIn(house, ctx, account.id, passkeyAssurance(passkey));
  house.signedIn?.("invitation");
  ctx.body = { location: HOME };
}

/** The account that gets its first passkey. @throws `invitation_invalid` when it needs none, or is not there any more */
async function invitedAccount(house: House, { account }: Invitation): Promise<Account | undefined> {
  if (account === undefined) return undefined;
  const found = (await house.accounts.find(account))?.value;
  const waits = found?.state === "active" && !found.passkeys.some(({ state }) => state !== "pending");
  if (!waits) throw refuse("invitation_invalid");
  return found;
}

/** What was typed goes before what the operator wrote; an address that the operator vouches for is that one only. */
function mixed(invitation: Invitation, fields: Omit<RegistrationBody, "response" | "lost">) {
  const { username, groups } = invitation;
  const email = fields.email || invitation.email;
  const vouched = invitation.emailVerified === true && sameAddress(email, invitation.email);
  return {
    name: fields.name || invitation.name,
    email,
    emailVerified: vouched,
    username: username ?? fields.username,
    groups,
  };
}

function sameAddress(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  return parseEmail(one)?.canonical === parseEmail(other)?.canonical;
}
