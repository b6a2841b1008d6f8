/**
 * The rung by e-mail, where the operator opened it: a code that is typed where it was asked for, or a link that opens
 * only there. Whether the account exists, has a verified address, or may be recovered like this: the answer is the same.
 */
import { randomInt } from "node:crypto";
import type { Context, Next } from "koa";
import { type Account, ADMINISTRATORS } from "../../account/account.ts";
import { refuse } from "../../errors.ts";
import { fingerprint } from "../../store/record.ts";
import { stateOf } from "../entrance/request.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readCode, readUsername } from "../page/input.ts";
import { localeOf, page } from "../page/page.ts";
import { advanceSitting, beginSitting, sittingAt } from "../visit/sitting.ts";
import { visitOf } from "../visit/visit.ts";
import { nameless } from "./recover.ts";

/** Digits of a mailed code: five guesses in a quarter of an hour find one in five million. */
const DIGITS = 8;

/** `POST …/send` */
export async function sendMail(house: House, ctx: Context, next: Next): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  if (!house.mailsRecovery) throw refuse("not_found");
  const username = await readUsername(ctx);
  const visit = await visitOf(house, ctx, next);
  const found = (await house.accounts.findByLogin(username))?.value;
  const code = String(randomInt(10 ** DIGITS)).padStart(DIGITS, "0");
  await beginSitting(house.store, visit, {
    purpose: "recovery",
    account: found?.id ?? nameless(username),
    login: nameless(username),
    stage: "mailed",
    by: "email",
    began: house.clock.now(),
    code: fingerprint(code),
  });
  if (found && mayBeMailed(house, found)) {
    const link = `${house.issuer.origin}${visit.url("mail")}#${code}`;
    const locale = localeOf(house.renderer, ctx, visit.uiLocales);
    // Not awaited: how long it takes would tell that there is such an account.
    void house.mail?.code(found, { kind: "recovery", code, link }, locale).catch((err: unknown) => {
      house.log.error({ err }, "a mail could not be kept");
    });
  }
  ctx.body = { location: visit.url("mail") };
}

/** `GET …/mail` */
export async function showMailed(house: House, ctx: Context, next: Next): Promise<void> {
  const visit = await visitOf(house, ctx, next);
  await sittingAt(house.store, visit, "mailed");
  const app = await visit.app();
  const model = { action: visit.url("mail"), backUrl: visit.url("recover") };
  page(house.renderer, ctx, "mailed", { ...model, ...(app === undefined ? {} : { app }) }, visit.uiLocales);
}

/** `POST …/mail` */
export async function recoverByMail(house: House, ctx: Context, next: Next): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const typed = await readCode(ctx);
  const visit = await visitOf(house, ctx, next);
  const sitting = await sittingAt(house.store, visit, "mailed");
  const { account: id, login = id, code } = sitting.value;
  await house.guesses.recovery({ address: stateOf(ctx).address, account: login });
  const mayTry = await house.guesses.recoveryOf(id);
  const account = (await house.accounts.find(id))?.value;
  const right = mayTry && fingerprint(typed.replace(/\D/g, "")) === code;
  if (!account || !right || !mayBeMailed(house, account)) throw refuse("authentication_failed");
  await advanceSitting(house.store, visit, sitting, { stage: "enrol" });
  ctx.body = { location: visit.url("enrol") };
}

/** Who administers others is let in by another administrator alone. */
function mayBeMailed({ settingsOf }: House, account: Account): boolean {
  const { state, groups, emailVerified } = account;
  return (
    state === "active" &&
    emailVerified &&
    settingsOf(groups).recovery.email &&
    !groups.includes(ADMINISTRATORS)
  );
}
