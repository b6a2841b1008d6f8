/**
 * Signing in with a passkey that a recovery declared lost. Its holder is asked whether the recovery was his own. If it
 * was not, it is undone: one stolen code must not be worth more than the passkey itself.
 */
import type { Context, Next } from "koa";
import type { Account, Passkey } from "../account/account.ts";
import { refuse } from "../errors.ts";
import { passkeyAssurance } from "../oidc/assurance.ts";
import type { House } from "./house.ts";
import { assertSameOrigin, readObjection } from "./input.ts";
import { page } from "./page.ts";
import { beginSitting, endSitting, type Sitting, sittingAt } from "./sitting.ts";
import { type Visit, visitOf } from "./visit.ts";

/** Where a fresh assertion leads: on with the visit, or, with a suspended passkey, to the question. */
export async function signInOrObject(
  house: House,
  visit: Visit,
  { account, passkey }: { account: Account; passkey: Passkey },
): Promise<string> {
  if (passkey.state === "active") return visit.finish(account.id, passkeyAssurance(passkey));
  const begun = { purpose: "objection", account: account.id, stage: "object", passkey: passkey.id } as const;
  await beginSitting(house.store, visit, begun);
  return visit.url("objection");
}

/** `GET …/objection` */
export async function showObjection(house: House, ctx: Context, next: Next): Promise<void> {
  const visit = await visitOf(house, ctx, next);
  const { value: sitting } = await sittingAt(house.store, visit, "object");
  const { account, passkey } = await heldBy(house, sitting);
  const app = await visit.app();
  const model = {
    action: visit.url("objection"),
    passkey: passkey.name,
    ...(account.repair ? { since: new Date(account.repair.since).toISOString() } : {}),
    ...(app === undefined ? {} : { app }),
  };
  page(house.renderer, ctx, "objection", model, visit.uiLocales);
}

/** `POST …/objection`: `cancel` undoes the recovery and signs in; `keep` leaves everything as it is. */
export async function decideObjection(house: House, ctx: Context, next: Next): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const decision = await readObjection(ctx);
  const visit = await visitOf(house, ctx, next);
  const { value: sitting } = await sittingAt(house.store, visit, "object");
  const { account, passkey } = await heldBy(house, sitting);
  if (!(await endSitting(house.store, visit))) throw refuse("ceremony_expired");
  if (decision === "keep") {
    ctx.body = { location: visit.url("start") };
    return;
  }
  const restored = await house.accounts.cancelRepair(account.id, passkey.id);
  await house.endSessions(restored);
  await house.notify(restored, { kind: "recovery_cancelled", at: house.clock.now(), about: passkey.name });
  ctx.body = { location: await visit.finish(account.id, passkeyAssurance(passkey)) };
}

async function heldBy(house: House, sitting: Sitting): Promise<{ account: Account; passkey: Passkey }> {
  const account = (await house.accounts.find(sitting.account))?.value;
  const passkey = account?.passkeys.find(({ id, state }) => id === sitting.passkey && state === "suspended");
  if (account?.state !== "active" || !passkey) throw refuse("ceremony_expired");
  return { account, passkey };
}
