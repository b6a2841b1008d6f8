/**
 * The ladder of recovery, from "Can't use your passkey?". A code or a pass opens a sitting, in which a passkey is made
 * and proved, and nothing else: no session, no token, no page of the account.
 */
import type { Context, Next } from "koa";
import { type Account, ADMINISTRATORS } from "../account/account.ts";
import { isRefusal, refuse } from "../errors.ts";
import { fingerprint } from "../store/record.ts";
import { type House, stateOf } from "./house.ts";
import { assertSameOrigin, readRecovery } from "./input.ts";
import { page } from "./page.ts";
import { beginSitting, type Sitting } from "./sitting.ts";
import { visitOf } from "./visit.ts";

/** `GET …/recover` */
export async function showRecover(house: House, ctx: Context, next: Next): Promise<void> {
  const visit = await visitOf(house, ctx, next);
  const app = await visit.app();
  const model = {
    action: visit.url("recover"),
    backUrl: visit.url("start"),
    ...(app === undefined ? {} : { app }),
  };
  page(house.renderer, ctx, "recover", model, visit.uiLocales);
}

/** `POST …/recover`: whatever is wrong gets the one answer of every failed sign-in. */
export async function recover(house: House, ctx: Context, next: Next): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const { username, code } = await readRecovery(ctx);
  const visit = await visitOf(house, ctx, next);
  // Counted for what was typed, not for what it leads to: a name that nobody has is limited like any other.
  const account = `login:${fingerprint(username.trim().normalize("NFKC").toLowerCase())}`;
  const found = await house.accounts.findByLogin(username);
  await house.guesses.recovery({ address: stateOf(ctx).address, account: found?.value.id ?? account });
  if (!found) throw refuse("authentication_failed");
  const by = await useUp(house, found.value, code);
  await beginSitting(house.store, visit, {
    purpose: "recovery",
    account: found.value.id,
    stage: "enrol",
    by,
  });
  ctx.body = { location: visit.url("enrol") };
}

/** A code and a pass look alike, so whoever types one need not know which it is. */
async function useUp(house: House, account: Account, code: string): Promise<NonNullable<Sitting["by"]>> {
  const { codes, pass } = house.settingsOf(account.groups).recovery;
  const administrates = account.groups.includes(ADMINISTRATORS);
  if (pass && (await works(house.accounts.usePass(account.id, code)))) return "pass";
  // Who administers others is let in by another administrator, never by a piece of paper.
  if (codes && !administrates && (await works(house.accounts.useRecoveryCode(account.id, code))))
    return "code";
  throw refuse("authentication_failed");
}

async function works(attempt: Promise<unknown>): Promise<boolean> {
  try {
    await attempt;
    return true;
  } catch (error) {
    if (isRefusal(error, "authentication_failed")) return false;
    throw error;
  }
}
