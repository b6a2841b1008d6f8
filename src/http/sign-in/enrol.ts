/**
 * The two steps at the end of a sitting: make a passkey, then prove it. What the proof completes, a conversion or a
 * recovery, is told by the sitting.
 */
import type { Context, Next } from "koa";
import type { Account } from "../../account/account.ts";
import { refuse } from "../../errors.ts";
import { passkeyAssurance } from "../../oidc/assurance.ts";
import type { Stored } from "../../store/store.ts";
import { conversion } from "../conversion/conversion.ts";
import {
  askForAssertion,
  askForPasskey,
  orForgotten,
  type Place,
  takeAssertion,
  takePasskey,
} from "../page/ceremonies.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readAuthentication, readRegistration } from "../page/input.ts";
import { page } from "../page/page.ts";
import { repair } from "../recovery/repair.ts";
import type { Completion } from "../visit/completion.ts";
import { advanceSitting, beginSitting, endSitting, type Sitting, sittingAt } from "../visit/sitting.ts";
import { type Visit, visitOf } from "../visit/visit.ts";

const completions: Partial<Record<Sitting["purpose"], Completion>> = {
  conversion,
  recovery: repair,
};

const WAYS = { conversion: "conversion", recovery: "recovery", objection: "passkey" } as const;

function completionOf({ purpose }: Sitting): Completion {
  const completion = completions[purpose];
  if (!completion) throw refuse("ceremony_expired");
  return completion;
}

async function accountOf(house: House, sitting: Sitting): Promise<Account> {
  const account = (await house.accounts.find(sitting.account))?.value;
  const goesOn = account?.state === "active" && completionOf(sitting).goesOn(sitting, account);
  if (!goesOn) throw refuse("ceremony_expired");
  return account;
}

/** Where a password manager makes the passkey: a challenge for that is good for nothing else, and no other for that. */
function conditionalPlace(visit: Visit, account: Account): Place {
  const place = visit.place(`enrol-conditional:${account.id}`);
  return { ...place, page: `conditional:${place.page}` };
}

const CONDITIONAL = { mediation: "conditional" } as const;

async function askConditionally(house: House, visit: Visit, account: Account) {
  const action = visit.url("register", CONDITIONAL);
  const place = conditionalPlace(visit, account);
  const { options } = await askForPasskey(house, place, action, account, { conditional: true });
  return { conditional: { action, options } };
}

/** `GET …/enrol` */
export async function showEnrol(house: House, ctx: Context, next: Next): Promise<void> {
  const visit = await visitOf(house, ctx, next);
  const { value: sitting } = await sittingAt(house.store, visit, "enrol");
  const account = await accountOf(house, sitting);
  const completion = completionOf(sitting);
  const [app, extra, silently, ceremony] = await Promise.all([
    visit.app(),
    completion.enrolModel(house, visit, account),
    completion.conditional ? askConditionally(house, visit, account) : {},
    askForPasskey(house, visit.place(`enrol:${account.id}`), visit.url("register"), account),
  ]);
  const purpose = sitting.purpose === "recovery" ? ("recovery" as const) : ("conversion" as const);
  const model = { ...ceremony, ...extra, ...silently, purpose, ...(app === undefined ? {} : { app }) };
  page(house.renderer, ctx, "enrol", model, visit.uiLocales);
}

/** `POST …/register` in a sitting: the passkey is added, durably, beside everything that is there. */
export async function enrol(
  house: House,
  ctx: Context,
  visit: Visit,
  sitting: Stored<Sitting>,
): Promise<void> {
  if (sitting.value.stage !== "enrol") throw refuse("ceremony_expired");
  const { addedBy, unproved, conditional = false, ...completion } = completionOf(sitting.value);
  const account = await accountOf(house, sitting.value);
  const { response, lost } = await readRegistration(ctx);
  const byItself = conditional && ctx.query.mediation === CONDITIONAL.mediation;
  const place = byItself ? conditionalPlace(visit, account) : visit.place(`enrol:${account.id}`);
  const made = await takePasskey(house, place, response);
  if (made.accountId !== account.id) throw refuse("ceremony_expired");
  const passkey = { ...made.passkey, addedBy };
  const add = unproved === "active" ? house.accounts.addPasskey : house.accounts.holdPasskey;
  const grown = await orForgotten(add(account.id, passkey, completion.undo?.(house, account)));
  await completion.added?.(house, grown, passkey);
  await advanceSitting(house.store, visit, sitting, {
    stage: "prove",
    passkey: passkey.id,
    ...(lost === undefined ? {} : { lost: lost.split(",") }),
  });
  ctx.body = { location: visit.url("prove") };
}

/** `GET …/prove` */
export async function showProve(house: House, ctx: Context, next: Next): Promise<void> {
  const visit = await visitOf(house, ctx, next);
  const { value: sitting } = await sittingAt(house.store, visit, "prove");
  const account = await accountOf(house, sitting);
  const only = account.passkeys.filter(({ id }) => id === sitting.passkey);
  const action = visit.url("passkey", { step: "prove" });
  const [app, ceremony] = await Promise.all([
    visit.app(),
    askForAssertion(house, visit.place(`prove:${account.id}`), action, account, only),
  ]);
  const model = { ...ceremony, ...(app === undefined ? {} : { app }) };
  page(house.renderer, ctx, "prove", model, visit.uiLocales);
}

/** `POST …/passkey?step=prove`: a fresh assertion with the new passkey, which is what the app is told of. */
export async function prove(house: House, ctx: Context, next: Next): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const visit = await visitOf(house, ctx, next);
  const response = await readAuthentication(ctx);
  const found = await sittingAt(house.store, visit, "prove");
  const sitting = found.value;
  const place = visit.place(`prove:${sitting.account}`);
  const { proved, unproved } = completionOf(sitting);
  const who = { account: sitting.account, also: unproved };
  const { account, passkey } = await takeAssertion(house, place, response, who);
  if (passkey.id !== sitting.passkey) throw refuse("authentication_failed");
  const outcome = await proved(house, sitting, account, passkey);
  if (outcome === "codes") {
    await advanceSitting(house.store, visit, found, { stage: "codes" });
    ctx.body = { location: visit.url("codes") };
    return;
  }
  if (!(await endSitting(house.store, visit))) throw refuse("ceremony_expired");
  if (outcome === "wait") {
    await beginSitting(house.store, visit, { ...sitting, stage: "wait" });
    ctx.body = { location: visit.url("wait") };
    return;
  }
  ctx.body = { location: await visit.finish(account.id, passkeyAssurance(passkey), WAYS[sitting.purpose]) };
}
