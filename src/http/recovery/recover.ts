/**
 * The ladder of recovery, from "Can't use your passkey?". A code or a pass opens a sitting, in which a passkey is made
 * and proved, and nothing else: no session, no token, no page of the account.
 */
import type { Context, Next } from "koa";
import { type Account, ADMINISTRATORS, newHandle } from "../../account/account.ts";
import { canonicalLogin } from "../../account/names.ts";
import { isRefusal, refuse } from "../../errors.ts";
import { fingerprint } from "../../store/record.ts";
import { stateOf } from "../entrance/request.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readRecovery } from "../page/input.ts";
import { page } from "../page/page.ts";
import { beginSitting, type Sitting } from "../visit/sitting.ts";
import { visitOf } from "../visit/visit.ts";

/** `GET …/recover` */
export async function showRecover(house: House, ctx: Context, next: Next): Promise<void> {
  const visit = await visitOf(house, ctx, next);
  const app = await visit.app();
  const model = {
    action: visit.url("recover"),
    backUrl: visit.url("start"),
    ...(house.mailsRecovery ? { mailUrl: visit.url("send") } : {}),
    ...(app === undefined ? {} : { app }),
  };
  page(house.renderer, ctx, "recover", model, visit.uiLocales);
}

/** `POST …/recover`: whatever is wrong gets the one answer of every failed sign-in, after the same work. */
export async function recover(house: House, ctx: Context, next: Next): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const { username, code } = await readRecovery(ctx);
  const visit = await visitOf(house, ctx, next);
  const login = nameless(username);
  await house.guesses.recovery({ address: stateOf(ctx).address, account: login });
  const found = (await house.accounts.findByLogin(username))?.value;
  const mayTry = await house.guesses.recoveryOf(found?.id ?? login);
  const by = await useUp(house, found && mayTry ? found : { id: newHandle(), groups: [] }, code);
  if (!found || !by) throw refuse("authentication_failed");
  const began = house.clock.now();
  // A pass was told of when it was issued.
  if (by === "code") await house.notify(found, { kind: "recovery_code_used", at: began });
  await beginSitting(house.store, visit, {
    purpose: "recovery",
    account: found.id,
    stage: "enrol",
    by,
    began,
  });
  ctx.body = { location: visit.url("enrol") };
}

/** Stands for a name where it must not matter whether anybody has it. */
export function nameless(username: string): string {
  return `login:${fingerprint(canonicalLogin(username))}`;
}

/** A code and a pass look alike, so whoever types one need not know which it is. */
async function useUp(
  house: House,
  { id, groups }: Pick<Account, "id" | "groups">,
  code: string,
): Promise<Sitting["by"]> {
  const { codes, pass } = house.settingsOf(groups).recovery;
  if (pass && (await works(house.accounts.usePass(id, code)))) return "pass";
  // Who administers others is let in by another administrator, never by a piece of paper.
  if (!codes || groups.includes(ADMINISTRATORS)) return undefined;
  return (await works(house.accounts.useRecoveryCode(id, code))) ? "code" : undefined;
}

async function works(attempt: Promise<unknown>): Promise<boolean> {
  try {
    await attempt;
    return true;
  } catch (error) {
    if (isRefusal(error, "authentication_failed") || isRefusal(error, "account_unknown")) return false;
    throw error;
  }
}
