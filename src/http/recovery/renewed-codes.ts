/**
 * The last recovery code is used, and the new passkey is proved: before the visit goes on, a new set is made. It takes a
 * proof of its own, like on the owner's page. Whoever leaves here has a passkey, and is not asked again.
 */
import type { Context, Next } from "koa";
import { type Account, ADMINISTRATORS, type Passkey } from "../../account/account.ts";
import { usablePasskey } from "../../account/transitions.ts";
import { refuse } from "../../errors.ts";
import { passkeyAssurance } from "../../oidc/assurance.ts";
import { askForAssertion, takeAssertion } from "../page/ceremonies.ts";
import { codesFor, makeCodes, sendAsFile } from "../page/code-sheet.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readAuthentication, readNothing } from "../page/input.ts";
import { page } from "../page/page.ts";
import { advanceSitting, endSitting, findSitting, type Sitting, sittingAt } from "../visit/sitting.ts";
import { type Visit, visitOf } from "../visit/visit.ts";

/** Whether a recovery has used up what it came in with. */
export function needsCodes(house: House, { groups, recoveryCodes }: Account): boolean {
  if (groups.includes(ADMINISTRATORS) || !house.settingsOf(groups).recovery.codes) return false;
  return recoveryCodes?.left.length === 0;
}

/** `GET …/codes`: asks for the proof; after it, shows the codes, or sends them as a file. */
export async function showCodes(house: House, ctx: Context, next: Next): Promise<void> {
  const visit = await visitOf(house, ctx, next);
  const sitting = (await findSitting(house.store, visit))?.value;
  if (sitting?.stage === "codes") return ask(house, ctx, visit, sitting);
  if (sitting?.stage !== "coded") throw refuse("ceremony_expired");
  const { account } = await recoveredBy(house, sitting);
  const permit = String(ctx.query.permit ?? "");
  const codes = await codesFor(house, ctx, account, permit);
  if (ctx.query.as === "file") return sendAsFile(house, ctx, codes);
  const fileUrl = visit.url("codes", { permit, as: "file" });
  const model = { codes, fileUrl, issuer: house.issuer.host, continueUrl: visit.url("continue") };
  page(house.renderer, ctx, "recovery_codes", model, visit.uiLocales);
}

async function ask(house: House, ctx: Context, visit: Visit, sitting: Sitting): Promise<void> {
  const { account } = await recoveredBy(house, sitting);
  const place = visit.place(`codes:${account.id}`);
  const ceremony = await askForAssertion(house, place, visit.url("codes"), account);
  const model = { ...ceremony, purpose: "renew_codes", autostart: false } as const;
  page(house.renderer, ctx, "confirm", model, visit.uiLocales);
}

/** `POST …/codes`: of two proofs one makes a set. */
export async function renewCodes(house: House, ctx: Context, next: Next): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const response = await readAuthentication(ctx);
  const visit = await visitOf(house, ctx, next);
  const sitting = await sittingAt(house.store, visit, "codes");
  const place = visit.place(`codes:${sitting.value.account}`);
  const { account, passkey } = await takeAssertion(house, place, response, {
    account: sitting.value.account,
  });
  const proof = { passkey: passkey.id, proved: house.clock.now() };
  await advanceSitting(house.store, visit, sitting, { stage: "coded", ...proof });
  ctx.body = { location: visit.url("codes", { permit: await makeCodes(house, ctx, account) }) };
}

/** `POST …/continue`: they are saved, and the visit ends as the proof says. */
export async function goOn(house: House, ctx: Context, next: Next): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  await readNothing(ctx);
  const visit = await visitOf(house, ctx, next);
  const { value: sitting } = await sittingAt(house.store, visit, "coded");
  const { account, passkey } = await recoveredBy(house, sitting);
  if (!(await endSitting(house.store, visit))) throw refuse("ceremony_expired");
  const assurance = passkeyAssurance(passkey);
  ctx.body = { location: await visit.finish(account.id, assurance, "recovery", sitting.proved) };
}

/** The account, as long as the passkey that was proved still opens it: somebody may have objected meanwhile. */
async function recoveredBy(house: House, sitting: Sitting): Promise<{ account: Account; passkey: Passkey }> {
  const account = (await house.accounts.find(sitting.account))?.value;
  const passkey = account && usablePasskey(account, sitting.passkey ?? "");
  if (!passkey) throw refuse("ceremony_expired");
  return { account, passkey };
}
