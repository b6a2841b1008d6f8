/**
 * The second proof of a conversion: a code that is mailed to the verified address, or a temporary access pass. A
 * leaked password alone must not make its thief the owner of the account.
 */
import { randomInt } from "node:crypto";
import type { Context, Next } from "koa";
import type { Account } from "../../account/account.ts";
import { isRefusal, refuse } from "../../errors.ts";
import { fingerprint } from "../../store/record.ts";
import type { Stored } from "../../store/store.ts";
import { stateOf } from "../entrance/request.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readCode } from "../page/input.ts";
import { localeOf, page } from "../page/page.ts";
import { advanceSitting, type Sitting, sittingAt } from "../visit/sitting.ts";
import { type Visit, visitOf } from "../visit/visit.ts";
import { secondProof } from "./conversion.ts";

/** Digits of a mailed code: five guesses in a quarter of an hour find one in five million. */
const DIGITS = 8;

/** `GET …/confirm`: the first look at the page sends the code. */
export async function showConfirm(house: House, ctx: Context, next: Next): Promise<void> {
  const visit = await visitOf(house, ctx, next);
  const sitting = await sittingAt(house.store, visit, "confirm");
  const account = await accountOf(house, sitting.value);
  const by = secondProof(house, account) === "email" ? "email" : "pass";
  if (by === "email" && sitting.value.code === undefined) await sendCode(house, ctx, visit, sitting, account);
  const app = await visit.app();
  const model = {
    by,
    action: visit.url("confirm"),
    ...(by === "email" && account.email !== undefined ? { email: masked(account.email) } : {}),
    ...(app === undefined ? {} : { app }),
  } as const;
  page(house.renderer, ctx, "second_proof", model, visit.uiLocales);
}

async function sendCode(
  house: House,
  ctx: Context,
  visit: Visit,
  sitting: Stored<Sitting>,
  account: Account,
): Promise<void> {
  const code = String(randomInt(10 ** DIGITS)).padStart(DIGITS, "0");
  try {
    await advanceSitting(house.store, visit, sitting, { code: fingerprint(code) });
  } catch (error) {
    // Of two looks at once one sends.
    if (isRefusal(error, "ceremony_expired")) return;
    throw error;
  }
  await house.mail?.code(
    account,
    { kind: "conversion", code },
    localeOf(house.renderer, ctx, visit.uiLocales),
  );
}

/** `POST …/confirm` */
export async function confirmConversion(house: House, ctx: Context, next: Next): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const typed = await readCode(ctx);
  const visit = await visitOf(house, ctx, next);
  const sitting = await sittingAt(house.store, visit, "confirm");
  await house.guesses.confirm({ address: stateOf(ctx).address, account: sitting.value.account });
  const account = await accountOf(house, sitting.value);
  if (secondProof(house, account) === "email") judgeCode(typed, sitting.value);
  else await house.accounts.usePass(account.id, typed);
  await advanceSitting(house.store, visit, sitting, { stage: "enrol" });
  ctx.body = { location: visit.url("enrol") };
}

function judgeCode(typed: string, { code }: Sitting): void {
  if (code === undefined || fingerprint(typed.replace(/\D/g, "")) !== code)
    throw refuse("authentication_failed");
}

async function accountOf(house: House, sitting: Sitting): Promise<Account> {
  const found = await house.accounts.find(sitting.account);
  if (found?.value.state !== "active") throw refuse("ceremony_expired");
  return found.value;
}

/** Enough to recognise one's own address by, too little to learn another's: `j…@example.com`. */
function masked(email: string): string {
  const at = email.lastIndexOf("@");
  return `${email.slice(0, 1)}…${email.slice(at)}`;
}
