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
import { portalRoutes } from "./portal/apps.ts";
import * as mailed from "./recovery/mailed.ts";
import * as objection from "./recovery/objection.ts";
import * as recover from "./recovery/recover.ts";
import * as renewedCodes from "./recovery/renewed-codes.ts";
import { finder } from "./router.ts";
import * as consent from "./sign-in/consent.ts";
import * as enrol from "./sign-in/enrol.ts";
import * as interaction from "./sign-in/interaction.ts";
import * as ownPages from "./sign-in/own-pages.ts";
import * as wellKnown from "./well-known.ts";

export interface OwnRoutes extends Middleware {
  /** Whether an address is one of these, to whatever method. */
  has(ctx: Context): boolean;
}

const get = "get";
const post = "post";

/** The steps of a visit: the same within an app's request and on our own pages. */
function stepsAt(visit: string): readonly Route[] {
  return [
    [post, `${visit}/password`, password.signInWithPassword, "ceremonies"],
    [get, `${visit}/confirm`, confirm.showConfirm, "ceremonies"],
    [post, `${visit}/confirm`, confirm.confirmConversion, "ceremonies"],
    [post, `${visit}/not-now`, password.declineToEnrol],
    [get, `${visit}/enrol`, enrol.showEnrol, "ceremonies"],
    [get, `${visit}/prove`, enrol.showProve, "ceremonies"],
    [get, `${visit}/recover`, recover.showRecover],
    [post, `${visit}/recover`, recover.recover, "ceremonies"],
    [post, `${visit}/send`, mailed.sendMail, "ceremonies"],
    [get, `${visit}/mail`, mailed.showMailed],
    [post, `${visit}/mail`, mailed.recoverByMail, "ceremonies"],
    [get, `${visit}/wait`, objection.showWait],
    [get, `${visit}/objection`, objection.showObjection],
    [post, `${visit}/objection`, objection.decideObjection],
    [get, `${visit}/codes`, renewedCodes.showCodes, "ceremonies"],
    [post, `${visit}/codes`, renewedCodes.renewCodes, "ceremonies"],
    [post, `${visit}/continue`, renewedCodes.goOn],
  ];
}

const table: readonly Route[] = [
  [get, "/assets/:file", ({ assets }, ctx) => serveAsset(assets, ctx)],
  [get, "/.well-known/change-password", (_house, ctx) => ctx.redirect("/account")],
  [get, "/.well-known/passkey-endpoints", wellKnown.passkeyEndpoints],
  [get, "/.well-known/webauthn", wellKnown.relatedOrigins],
  [get, "/about/passkeys", ({ renderer }, ctx) => page(renderer, ctx, "about", {})],

  [get, "/interaction/:uid", interaction.showInteraction, "ceremonies"],
  [get, "/interaction/:uid/sign-in", interaction.showSignInAgain, "ceremonies"],
  [get, "/interaction/:uid/register", interaction.showRegister, "ceremonies"],
  [post, "/interaction/:uid/passkey", interaction.signInWithPasskey, "ceremonies"],
  [post, "/interaction/:uid/register", interaction.register, "signUps"],
  [post, "/interaction/:uid/consent", consent.decideConsent],
  ...stepsAt("/interaction/:uid"),

  [get, "/undo/:token", undo.showUndo, "ceremonies"],
  [post, "/undo/:token", undo.undo, "ceremonies"],

  [get, "/setup/:token", setup.showSetup, "ceremonies"],
  [post, "/setup/:token", setup.createOwner, "signUps"],

  [get, "/invite/:token", invite.showInvitation, "ceremonies"],
  [post, "/invite/:token", invite.acceptInvitation, "signUps"],
  [get, "/pass", recover.showRecover],

  [get, "/sign-in", ownPages.showSignIn, "ceremonies"],
  [post, "/sign-in", ownPages.signInHere, "ceremonies"],
  [get, "/sign-up", ownPages.showSignUp, "ceremonies"],
  [post, "/sign-up", ownPages.signUpHere, "signUps"],
  ...stepsAt("/sign-in"),

  ...accountRoutes,
  ...portalRoutes,
];

/** The addresses of the table, as they stand there. */
export const ownAddresses: readonly string[] = table.map(([, path]) => path);

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
