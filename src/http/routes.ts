/** Every address of ours, in one table. The OpenID endpoints are the library's own. */
import type { Context, Middleware, Next } from "koa";
import { isRefusal, refuse } from "../errors.ts";
import { announce } from "../passkey/announce.ts";
import { refusalReason } from "../passkey/refusal.ts";
import { accountRoutes } from "./account/routes.ts";
import { serveAsset } from "./assets.ts";
import * as confirm from "./conversion/confirm.ts";
import * as password from "./conversion/password.ts";
import { admission } from "./entrance/limits.ts";
import * as invite from "./link/invite.ts";
import * as setup from "./link/setup.ts";
import * as undo from "./link/undo.ts";
import type { House } from "./page/house.ts";
import { page } from "./page/page.ts";
import type { Handler, Route } from "./page/route.ts";
import * as mailed from "./recovery/mailed.ts";
import * as objection from "./recovery/objection.ts";
import * as recover from "./recovery/recover.ts";
import * as renewedCodes from "./recovery/renewed-codes.ts";
import { finder } from "./router.ts";
import * as enrol from "./sign-in/enrol.ts";
import * as interaction from "./sign-in/interaction.ts";
import * as signIn from "./sign-in/own-pages.ts";
import * as wellKnown from "./well-known.ts";

export interface OwnRoutes extends Middleware {
  /** Whether an address is one of these, to whatever method. */
  has(ctx: Context): boolean;
}

const get = "get";
const post = "post";

const table: readonly Route[] = [
  [get, "/", (_house, ctx) => ctx.redirect("/account")],
  [get, "/assets/:file", ({ assets }, ctx) => serveAsset(assets, ctx)],
  [get, "/.well-known/change-password", (_house, ctx) => ctx.redirect("/account")],
  [get, "/.well-known/passkey-endpoints", wellKnown.passkeyEndpoints],
  [get, "/.well-known/webauthn", wellKnown.relatedOrigins],
  [get, "/about/passkeys", ({ renderer }, ctx) => page(renderer, ctx, "about", {})],

  [get, "/interaction/:uid", interaction.showInteraction, "ceremonies"],
  [get, "/interaction/:uid/sign-in", interaction.showSignInAgain, "ceremonies"],
  [get, "/interaction/:uid/register", interaction.showRegister, "ceremonies"],
  [get, "/interaction/:uid/recover", recover.showRecover],
  [post, "/interaction/:uid/recover", recover.recover, "ceremonies"],
  [get, "/interaction/:uid/objection", objection.showObjection],
  [post, "/interaction/:uid/objection", objection.decideObjection],
  [get, "/interaction/:uid/wait", objection.showWait],
  [get, "/interaction/:uid/codes", renewedCodes.showCodes, "ceremonies"],
  [post, "/interaction/:uid/codes", renewedCodes.renewCodes, "ceremonies"],
  [post, "/interaction/:uid/continue", renewedCodes.goOn],
  [post, "/interaction/:uid/send", mailed.sendMail, "ceremonies"],
  [get, "/interaction/:uid/mail", mailed.showMailed],
  [post, "/interaction/:uid/mail", mailed.recoverByMail, "ceremonies"],
  [post, "/interaction/:uid/passkey", interaction.signInWithPasskey, "ceremonies"],
  [post, "/interaction/:uid/register", interaction.register, "signUps"],
  [post, "/interaction/:uid/password", password.signInWithPassword, "ceremonies"],
  [get, "/interaction/:uid/confirm", confirm.showConfirm, "ceremonies"],
  [post, "/interaction/:uid/confirm", confirm.confirmConversion, "ceremonies"],
  [post, "/interaction/:uid/not-now", password.declineToEnrol],
  [get, "/interaction/:uid/enrol", enrol.showEnrol, "ceremonies"],
  [get, "/interaction/:uid/prove", enrol.showProve, "ceremonies"],
  [post, "/interaction/:uid/consent", interaction.decideConsent],

  [get, "/undo/:token", undo.showUndo, "ceremonies"],
  [post, "/undo/:token", undo.undo, "ceremonies"],

  [get, "/setup/:token", setup.showSetup, "ceremonies"],
  [post, "/setup/:token", setup.createOwner, "signUps"],

  [get, "/invite/:token", invite.showInvitation, "ceremonies"],
  [post, "/invite/:token", invite.acceptInvitation, "signUps"],
  [get, "/pass", recover.showRecover],

  [get, "/sign-in", signIn.showSignIn, "ceremonies"],
  [post, "/sign-in", signIn.signInHere, "ceremonies"],
  [post, "/sign-in/password", password.signInWithPassword, "ceremonies"],
  [get, "/sign-in/confirm", confirm.showConfirm, "ceremonies"],
  [post, "/sign-in/confirm", confirm.confirmConversion, "ceremonies"],
  [post, "/sign-in/not-now", password.declineToEnrol],
  [get, "/sign-in/enrol", enrol.showEnrol, "ceremonies"],
  [get, "/sign-in/prove", enrol.showProve, "ceremonies"],
  [get, "/sign-up", signIn.showSignUp, "ceremonies"],
  [post, "/sign-up", signIn.signUpHere, "signUps"],
  [get, "/sign-in/recover", recover.showRecover],
  [post, "/sign-in/recover", recover.recover, "ceremonies"],
  [get, "/sign-in/objection", objection.showObjection],
  [post, "/sign-in/objection", objection.decideObjection],
  [get, "/sign-in/wait", objection.showWait],
  [get, "/sign-in/codes", renewedCodes.showCodes, "ceremonies"],
  [post, "/sign-in/codes", renewedCodes.renewCodes, "ceremonies"],
  [post, "/sign-in/continue", renewedCodes.goOn],
  [post, "/sign-in/send", mailed.sendMail, "ceremonies"],
  [get, "/sign-in/mail", mailed.showMailed],
  [post, "/sign-in/mail", mailed.recoverByMail, "ceremonies"],

  ...accountRoutes,
];

/** A route with everything that stands around its handler. */
type Answer = (ctx: Context, next: Next) => Promise<void> | void;

/** Our routes as one middleware; with `only`, those of them that a host's provider gets. */
export function routes(house: House, only: (path: string) => boolean = () => true): OwnRoutes {
  const limits = {
    ceremonies: admission(house.store, "ceremonies", house.limits.ceremonies),
    signUps: admission(house.store, "signUps", house.limits.signUps),
  };
  const answers = table
    .filter(([, path]) => only(path))
    .map(([method, path, handler, limit]) => {
      const told = method === post && limit ? tellingRefusals(handler, path) : handler;
      const answer: Answer = (ctx, next) => told(house, ctx, next);
      const admit = limit && limits[limit];
      const admitted: Answer | undefined = admit && ((ctx, next) => admit(ctx).then(() => answer(ctx, next)));
      return [method, path, admitted ?? answer] as const;
    });
  const find = finder<Answer>(answers);
  // What is not ours is the library's.
  const ownRoutes: Middleware = (ctx, next) => {
    const found = find(ctx.path);
    if (!found) return next();
    const answer = found.methods.get(ctx.method);
    if (!answer) {
      ctx.set("allow", [...found.methods.keys()].join(", "));
      throw refuse("method_not_allowed");
    }
    ctx.params = found.params;
    return answer(ctx, next);
  };
  return Object.assign(ownRoutes, {
    has: ({ path }: Context) => find(path) !== undefined,
  });
}

/** A refused answer to a ceremony leaves one event: the ceremony's own, or this one where it never got that far. */
function tellingRefusals(handler: Handler, action: string): Handler {
  return async function tellRefusal(house, ctx, next) {
    try {
      await handler(house, ctx, next);
    } catch (error) {
      if (isRefusal(error) && error.status < 500 && refusalReason(error) === undefined) {
        announce(house, "ceremony.refused", { detail: { action, reason: error.code } });
      }
      throw error;
    }
  };
}
