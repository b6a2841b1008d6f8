/**
 * Where somebody signs in: within an app's request, or on our own pages. Ways in that take several steps know only
 * this, and work in both.
 */

import type { Context, Next } from "koa";
import { refuse } from "../../errors.ts";
import type { Way } from "../../events.ts";
import type { Assurance } from "../../oidc/assurance.ts";
import {
  acceptsAcr,
  appOf,
  clientOf,
  finishSignIn,
  holdsInteraction,
  type Interaction,
  loadInteraction,
} from "../../oidc/interaction.ts";
import { canResumeWithin, resumeWithin } from "../../oidc/resume.ts";
import { signIn } from "../../oidc/sessions.ts";
import type { AppModel } from "../../view/models.ts";
import { browserOf } from "../page/browser.ts";
import type { Place } from "../page/ceremonies.ts";
import type { House } from "../page/house.ts";
import { HOME } from "../page/route.ts";

/** The steps of a visit, each with an address of its own. */
export type Step =
  | "start"
  | "passkey"
  | "register"
  | "password"
  | "confirm"
  | "enrol"
  | "not-now"
  | "prove"
  | "recover"
  | "send"
  | "mail"
  | "wait"
  | "codes"
  | "continue"
  | "objection";

export interface Visit {
  /** Names the visit: no other page, and no other browser on our own pages, has the same. */
  readonly id: string;
  readonly browser: string;
  /** The address of a step, with what belongs to the visit; `query` is added to it. */
  url(step: Step, query?: Readonly<Record<string, string>>): string;
  /** The place of a ceremony of this visit; challenges are bound to it. */
  place(action: string): Place;
  /** The app that asked, on an app's request. */
  app(): Promise<AppModel | undefined>;
  /** The languages the app asked for. */
  readonly uiLocales: unknown;
  /** Whether a sign-in of this acr is enough for whoever asked. */
  accepts(acr: string): Promise<boolean>;
  /**
   * Signs in, which ends the visit; resolves to where the browser goes next.
   *
   * @param at when the proof was given, where that was not just now; milliseconds since the epoch
   */
  finish(accountId: string, assurance: Assurance, way: Way, at?: number): Promise<string>;
}

function uidOf(ctx: Context): string {
  return (ctx as Context & { params: { uid: string } }).params.uid;
}

/**
 * The visit of this request, by its address.
 *
 * @throws `interaction_expired` when the app's request is over, or was never this browser's
 */
export async function visitOf(house: House, ctx: Context, next: Next): Promise<Visit> {
  if (uidOf(ctx) === undefined) return ownVisit(house, ctx);
  if (!holdsInteraction(house.provider, ctx, uidOf(ctx))) throw refuse("interaction_expired");
  const interaction = await loadInteraction(house.provider, ctx, uidOf(ctx));
  if (interaction.result?.login) throw refuse("interaction_expired");
  return appVisit(house, ctx, next, interaction);
}

/** A sign-in that an app asked for. */
export function appVisit(house: House, ctx: Context, next: Next, interaction: Interaction): Visit {
  const { uid, params } = interaction;
  const browser = browserOf(ctx, house.issuer);
  const path = `/interaction/${uid}`;
  return {
    id: uid,
    browser,
    url: (step, query = {}) => address(step === "start" ? path : `${path}/${step}`, query),
    place: (action) => ({ page: uid, browser, action }),
    app: async () => appOf(await clientOf(house.provider, interaction), house.issuer),
    uiLocales: params.ui_locales,
    accepts: (acr) => acceptsAcr(house.provider, interaction, acr),
    async finish(accountId, assurance, way, at) {
      const outcome = await finishSignIn(house, ctx, interaction, { accountId, at, ...assurance });
      house.signedIn?.(way);
      if ("consent" in outcome) return path;
      // What a host has put around its provider's addresses sees the browser come there.
      return !house.hosted && canResumeWithin(interaction)
        ? resumeWithin(house.provider, ctx, next, interaction)
        : interaction.returnTo;
    },
  };
}

const OWN: Readonly<Partial<Record<Step, string>>> = {
  start: "/sign-in",
  passkey: "/sign-in",
  register: "/sign-up",
};

/** A sign-in to our own pages; `to` says to which. */
export function ownVisit(house: House, ctx: Context): Visit {
  const browser = browserOf(ctx, house.issuer);
  const to = safePath(ctx.query.to);
  return {
    id: `own:${browser}`,
    browser,
    url: (step, query = {}) => address(OWN[step] ?? `/sign-in/${step}`, { to, ...query }),
    place: (action) => ({ page: `${action}:${browser}`, browser, action }),
    app: async () => undefined,
    uiLocales: undefined,
    // What our own pages let be done asks for a passkey by itself.
    accepts: async () => true,
    async finish(accountId, assurance, way, at) {
      await signIn(house, ctx, accountId, { ...assurance, at });
      house.signedIn?.(way);
      return to;
    },
  };
}

function address(path: string, query: Readonly<Record<string, string>>): string {
  const search = new URLSearchParams(query).toString();
  return search === "" ? path : `${path}?${search}`;
}

/** Only a path of our own: never another host, whatever the spelling. */
function safePath(to: unknown): string {
  if (typeof to !== "string" || !/^\/[A-Za-z0-9]/.test(to)) return HOME;
  return /^\/(account|apps|admin|device)(\/|\?|$)/.test(to) ? to : HOME;
}
