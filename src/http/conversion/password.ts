/**
 * Signing in with a legacy password, one last time. It opens a sitting and nothing else: a passkey is made and proved
 * in it, or, where the operator leaves the choice, put off.
 */
import type { Context, Next } from "koa";
import type { Account } from "../../account/account.ts";
import type { LegacyPasswords } from "../../account/legacy.ts";
import { hasOpenPassword } from "../../account/password-way.ts";
import { refuse } from "../../errors.ts";
import { passwordAssurance } from "../../oidc/assurance.ts";
import { stateOf } from "../entrance/request.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readNothing, readPassword } from "../page/input.ts";
import { beginSitting, endSitting, sittingAt } from "../visit/sitting.ts";
import { visitOf } from "../visit/visit.ts";
import { mayDecline, secondProof } from "./conversion.ts";

/** Whether the sign-in page offers the way at all. */
export async function offersPasswords({ passwords }: House): Promise<boolean> {
  return passwords !== undefined && (await passwords.available());
}

/** @throws `not_found` once the store is sealed, and where no password ever was */
async function passwordsOf(house: House): Promise<LegacyPasswords> {
  const { passwords } = house;
  if (!passwords || !(await passwords.available())) throw refuse("not_found");
  return passwords;
}

/** `POST …/password` */
export async function signInWithPassword(house: House, ctx: Context, next: Next): Promise<void> {
  const passwords = await passwordsOf(house);
  assertSameOrigin(ctx, house.issuer);
  const { username, password } = await readPassword(ctx);
  const visit = await visitOf(house, ctx, next);
  const { value: account } = await passwords.verify(username, password, stateOf(ctx).address);
  const stage = secondProof(house, account) === "none" ? "enrol" : "confirm";
  const proved = house.clock.now();
  await beginSitting(house.store, visit, { purpose: "conversion", account: account.id, stage, proved });
  ctx.body = { location: visit.url(stage) };
}

/** `POST …/not-now`: the sign-in goes on as what it is, a password's. */
export async function declineToEnrol(house: House, ctx: Context, next: Next): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  await readNothing(ctx);
  const visit = await visitOf(house, ctx, next);
  const { value: sitting } = await sittingAt(house.store, visit, "enrol");
  const found = await house.accounts.find(sitting.account);
  if (sitting.purpose !== "conversion" || !stillOpen(found?.value)) throw refuse("ceremony_expired");
  if (!(await mayDecline(house, visit, found.value))) throw refuse("account_limited");
  if (!(await endSitting(house.store, visit))) throw refuse("ceremony_expired");
  await house.accounts.declinePasskey(sitting.account);
  const location = await visit.finish(sitting.account, passwordAssurance, "password", sitting.proved);
  ctx.body = { location };
}

/** The password may have been closed since it was verified, in another tab or by the operator. */
function stillOpen(account: Account | undefined): account is Account {
  return account !== undefined && hasOpenPassword(account);
}
