/** Signing in and signing up without an app, on pages of our own. */
import type { Context, Next } from "koa";
import { refuse } from "../../errors.ts";
import { offersPasswords } from "../conversion/password.ts";
import { askForAssertion, askForPasskey, takeAssertion } from "../page/ceremonies.ts";
import { rememberDevice } from "../page/cross-device.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readAuthentication } from "../page/input.ts";
import { page } from "../page/page.ts";
import { signInOrObject } from "../recovery/objection.ts";
import { findSitting } from "../visit/sitting.ts";
import { ownVisit } from "../visit/visit.ts";
import { enrol, prove } from "./enrol.ts";
import { signedIn } from "./session.ts";
import { signUp } from "./sign-up.ts";

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
