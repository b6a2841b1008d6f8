/** Signing in, signing up and signing out without an app: the session of our own pages, which apps share. */
import type { Context, Next } from "koa";
import type { Account } from "../../account/account.ts";
import { isOver } from "../../account/sessions.ts";
import { refuse } from "../../errors.ts";
import { passkeyAssurance } from "../../oidc/assurance.ts";
import { currentSession, signOut } from "../../oidc/sessions.ts";
import { offersPasswords } from "../conversion/password.ts";
import {
  askForAssertion,
  askForPasskey,
  orForgotten,
  takeAssertion,
  takePasskey,
} from "../page/ceremonies.ts";
import { rememberDevice } from "../page/cross-device.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readAuthentication, readForm, readRegistration } from "../page/input.ts";
import { localeOf, page } from "../page/page.ts";
import { signInOrObject } from "../recovery/objection.ts";
import { findSitting } from "../visit/sitting.ts";
import { ownVisit, type Visit } from "../visit/visit.ts";
import { enrol, prove } from "./enrol.ts";

/** The account that is signed in; a session of an account that is not active any more is none. */
export async function signedIn(house: House, ctx: Context): Promise<Account | undefined> {
  const { accountId, loginTs } = await currentSession(house, ctx);
  const account = accountId === undefined ? undefined : (await house.accounts.find(accountId))?.value;
  return account?.state === "active" && !isOver(account, loginTs) ? account : undefined;
}

/** Pages without a session lead to the sign-in page and back. */
export function toSignIn(ctx: Context, back: string): void {
  ctx.status = 303;
  ctx.redirect(`/sign-in?to=${encodeURIComponent(back)}`);
}

/** `GET /sign-in` */
export async function showSignIn(house: House, ctx: Context): Promise<void> {
  const visit = ownVisit(house, ctx);
  const [ceremony, passwords] = await Promise.all([
    askForAssertion(house, visit.place("sign-in"), visit.url("passkey")),
    offersPasswords(house),
  ]);
  page(house.renderer, ctx, "signin", {
    ...ceremony,
    ...(house.signUp === "open" ? { signUpUrl: visit.url("register") } : {}),
    ...(passwords ? { passwordUrl: visit.url("password") } : {}),
    recoverUrl: visit.url("recover"),
  });
}

/** `POST /sign-in` */
export async function signInHere(house: House, ctx: Context, next: Next): Promise<void> {
  if (ctx.query.step === "prove") return prove(house, ctx, next);
  assertSameOrigin(ctx, house.issuer);
  const visit = ownVisit(house, ctx);
  const response = await readAuthentication(ctx);
  const done = await takeAssertion(house, visit.place("sign-in"), response, { also: "suspended" });
  const location = await signInOrObject(house, visit, done);
  rememberDevice(ctx, house.issuer, done);
  ctx.body = { location };
}

/** `GET /sign-up` */
export async function showSignUp(house: House, ctx: Context): Promise<void> {
  if (house.signUp !== "open") throw refuse("sign_up_closed");
  const visit = ownVisit(house, ctx);
  const [ceremony, present] = await Promise.all([
    askForPasskey(house, visit.place("sign-up"), visit.url("register")),
    signedIn(house, ctx),
  ]);
  const over = present === undefined ? {} : { over: present.name ?? present.username };
  const model = { ...ceremony, ...over, setup: false, signInUrl: visit.url("start") };
  page(house.renderer, ctx, "create", model);
}

/** `POST /sign-up` */
export async function signUpHere(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const visit = ownVisit(house, ctx);
  const sitting = await findSitting(house.store, visit);
  await (sitting ? enrol(house, ctx, visit, sitting) : signUp(house, ctx, visit));
}

/** Makes a new account out of the answer, which is itself the authentication (UP and UV). */
export async function signUp(house: House, ctx: Context, visit: Visit): Promise<void> {
  if (house.signUp !== "open") throw refuse("sign_up_closed");
  const { response, ...fields } = await readRegistration(ctx);
  const made = await takePasskey(house, visit.place("sign-up"), response);
  const passkey = { ...made.passkey, addedBy: "sign_up" as const };
  const language = localeOf(house.renderer, ctx);
  const input = { ...fields, language, handle: made.handle, passkey };
  const account = await orForgotten(house.accounts.create(input));
  tellWhoseAddressItIs(house, account);
  ctx.body = { location: await visit.finish(account.id, passkeyAssurance(passkey)) };
}

/** An address that was typed may be somebody's: he is told, beside the answer, which is the same for any address. */
function tellWhoseAddressItIs({ accounts, notify, clock, log }: House, { id, email }: Account): void {
  if (email === undefined) return;
  const tell = async () => {
    const owner = (await accounts.findByLogin(email))?.value;
    if (owner && owner.id !== id) await notify(owner, { kind: "address_used", at: clock.now() });
  };
  tell().catch((err: unknown) => log.warn({ err }, "the owner of an address could not be told"));
}

/** `POST /account/sign-out` */
export async function signOutHere(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  await readForm(ctx);
  await signOut(house, ctx);
  page(house.renderer, ctx, "logged_out", {});
}
