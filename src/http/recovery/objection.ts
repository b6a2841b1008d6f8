/**
 * Signing in with a passkey that a recovery declared lost. Its holder is asked whether the recovery was his own. If it
 * was not, it is undone: one stolen code must not be worth more than the passkey itself.
 */
import type { Context, Next } from "koa";
import type { Account, Passkey } from "../../account/account.ts";
import { isDeclaredLost, isWaiting } from "../../account/tentative.ts";
import { usablePasskey } from "../../account/transitions.ts";
import { refuse } from "../../errors.ts";
import { passkeyAssurance } from "../../oidc/assurance.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readObjection } from "../page/input.ts";
import { page } from "../page/page.ts";
import { beginSitting, endSitting, type Sitting, sittingAt } from "../visit/sitting.ts";
import { type Visit, visitOf } from "../visit/visit.ts";
import { endEverything } from "./repair.ts";

/**
 * Where a fresh assertion leads: on with the visit; with a passkey that was declared lost, to the question; with one
 * that waits for its delay, to the page that says until when.
 *
 * @throws `authentication_failed` for a passkey that is suspended for another reason
 */
export async function signInOrObject(
  house: House,
  visit: Visit,
  { account, passkey }: { account: Account; passkey: Passkey },
): Promise<string> {
  const now = { at: house.clock.now() };
  const begun = { account: account.id, passkey: passkey.id };
  if (isDeclaredLost(account, passkey.id, now)) {
    await beginSitting(house.store, visit, { ...begun, purpose: "objection", stage: "object" });
    return visit.url("objection");
  }
  if (passkey.state !== "active") {
    if (!isWaiting(account, passkey.id)) throw refuse("authentication_failed");
    if (now.at < (account.repair?.starts ?? 0)) {
      await beginSitting(house.store, visit, { ...begun, purpose: "recovery", stage: "wait" });
      return visit.url("wait");
    }
    await startNow(house, account, passkey);
  }
  return visit.finish(account.id, passkeyAssurance(passkey), "passkey");
}

/** Lets a recovery take effect whose delay is over, at the first use of its passkey; it may just have been undone. */
async function startNow(house: House, account: Account, passkey: Passkey): Promise<void> {
  const started = await house.accounts.startRepair(account.id);
  if (!usablePasskey(started, passkey.id)) throw refuse("authentication_failed");
  await endEverything(house, started);
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

/**
 * `POST …/objection`: `cancel` undoes the recovery and signs in; `keep` leaves everything as it is, and signs in only
 * while the passkey still does: before a delay is over.
 */
export async function decideObjection(house: House, ctx: Context, next: Next): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const decision = await readObjection(ctx);
  const visit = await visitOf(house, ctx, next);
  const { value: sitting } = await sittingAt(house.store, visit, "object");
  const { account, passkey } = await heldBy(house, sitting);
  if (!(await endSitting(house.store, visit))) throw refuse("ceremony_expired");
  if (decision === "cancel") await undoRecovery(house, account, passkey);
  const signsIn = decision === "cancel" || passkey.state === "active";
  const finish = () => visit.finish(account.id, passkeyAssurance(passkey), "passkey");
  ctx.body = { location: signsIn ? await finish() : visit.url("start") };
}

/** Undoes a recovery at the word of who held this passkey before it, and tells of it. @throws `passkey_unknown` */
export async function undoRecovery(house: House, account: Account, passkey: Passkey): Promise<void> {
  const restored = await house.accounts.cancelRepair(account.id, passkey.id);
  await endEverything(house, restored);
  await house.notify(restored, { kind: "recovery_cancelled", at: house.clock.now(), about: passkey.name });
}

/** `GET …/wait`: the recovery is done, and says when it takes effect. */
export async function showWait(house: House, ctx: Context, next: Next): Promise<void> {
  const visit = await visitOf(house, ctx, next);
  const { value: sitting } = await sittingAt(house.store, visit, "wait");
  const starts = (await house.accounts.find(sitting.account))?.value.repair?.starts;
  if (starts === undefined) throw refuse("ceremony_expired");
  const app = await visit.app();
  const model = { starts: new Date(starts).toISOString(), backUrl: visit.url("start") };
  page(house.renderer, ctx, "wait", { ...model, ...(app === undefined ? {} : { app }) }, visit.uiLocales);
}

async function heldBy(house: House, sitting: Sitting): Promise<{ account: Account; passkey: Passkey }> {
  const account = (await house.accounts.find(sitting.account))?.value;
  const passkey = account?.passkeys.find(({ id }) => id === sitting.passkey);
  const asked = account && passkey && isDeclaredLost(account, passkey.id, { at: house.clock.now() });
  if (!asked) throw refuse("ceremony_expired");
  return { account, passkey };
}
