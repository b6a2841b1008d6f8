/** Signing in, signing up and signing out without an app: the session of our own pages, which apps share. */
import type { Context } from "koa";
import type { Account } from "../account/account.ts";
import { refuse } from "../errors.ts";
import { passkeyAssurance } from "../oidc/assurance.ts";
import { currentSession, signIn, signOut } from "../oidc/sessions.ts";
import { browserOf } from "./browser.ts";
import {
  askForAssertion,
  askForPasskey,
  orForgotten,
  type Place,
  takeAssertion,
  takePasskey,
} from "./ceremonies.ts";
import type { House } from "./house.ts";
import { assertSameOrigin, readAuthentication, readForm, readRegistration } from "./input.ts";
import { page } from "./page.ts";

/** Where somebody goes who came for nothing else. */
export const HOME = "/account";

/** The account that is signed in; a session of an account that is not active any more is none. */
export async function signedIn(house: House, ctx: Context): Promise<Account | undefined> {
  const { accountId } = await currentSession(house, ctx);
  const account = accountId === undefined ? undefined : (await house.accounts.find(accountId))?.value;
  return account?.state === "active" ? account : undefined;
}

/** Pages without a session lead to the sign-in page and back. */
export function toSignIn(ctx: Context, back: string): void {
  ctx.status = 303;
  ctx.redirect(`/sign-in?to=${encodeURIComponent(back)}`);
}

/** Only a path of our own: never another host, whatever the spelling. */
function safePath(to: unknown): string {
  if (typeof to !== "string" || !/^\/[A-Za-z0-9]/.test(to)) return HOME;
  return /^\/(account|apps|admin|device)(\/|\?|$)/.test(to) ? to : HOME;
}

/** `GET /sign-in` */
export async function showSignIn(house: House, ctx: Context): Promise<void> {
  const to = safePath(ctx.query.to);
  const ceremony = await askForAssertion(
    house,
    placeOf(house, ctx, "sign-in"),
    `/sign-in?to=${encodeURIComponent(to)}`,
  );
  const signUpUrl = house.signUp === "open" ? { signUpUrl: `/sign-up?to=${encodeURIComponent(to)}` } : {};
  page(house.renderer, ctx, "signin", { ...ceremony, ...signUpUrl, recoverUrl: "/recover" });
}

/** `POST /sign-in` */
export async function signInHere(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const { account, passkey } = await takeAssertion(
    house,
    placeOf(house, ctx, "sign-in"),
    await readAuthentication(ctx),
  );
  await signIn(house, ctx, account.id, passkeyAssurance(passkey));
  ctx.body = { location: safePath(ctx.query.to) };
}

/** `GET /sign-up` */
export async function showSignUp(house: House, ctx: Context): Promise<void> {
  if (house.signUp !== "open") throw refuse("sign_up_closed");
  const query = `?to=${encodeURIComponent(safePath(ctx.query.to))}`;
  const [ceremony, present] = await Promise.all([
    askForPasskey(house, placeOf(house, ctx, "sign-up"), `/sign-up${query}`),
    signedIn(house, ctx),
  ]);
  const over = present === undefined ? {} : { over: present.name ?? present.username };
  page(house.renderer, ctx, "create", { ...ceremony, ...over, setup: false, signInUrl: `/sign-in${query}` });
}

/** `POST /sign-up` */
export async function signUpHere(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  if (house.signUp !== "open") throw refuse("sign_up_closed");
  const { response, ...fields } = await readRegistration(ctx);
  const { passkey, handle } = await takePasskey(house, placeOf(house, ctx, "sign-up"), response);
  const account = await orForgotten(house.accounts.create({ ...fields, handle, passkey }));
  await signIn(house, ctx, account.id, passkeyAssurance(passkey));
  ctx.body = { location: safePath(ctx.query.to) };
}

function placeOf(house: House, ctx: Context, action: "sign-in" | "sign-up"): Place {
  const browser = browserOf(ctx, house.issuer);
  return { page: `${action}:${browser}`, browser, action };
}

/** `POST /account/sign-out` */
export async function signOutHere(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  await readForm(ctx);
  await signOut(house, ctx);
  page(house.renderer, ctx, "logged_out", {});
}
