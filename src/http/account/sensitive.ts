/**
 * Sensitive actions: what only a fresh proof of the owner does, however long the session has lasted.
 *
 * `POST <path>` leads to `GET <path>`, a page that says what is about to happen and asks for the passkey; its answer
 * goes to `POST <path>/confirm`, which does it. The challenge is bound to the action, its subject and what was typed,
 * so that a proof for one thing never does another.
 */
import type { Context } from "koa";
import type { Account, Passkey } from "../../account/account.ts";
import type { SensitivePurpose } from "../../view/models.ts";
import { browserOf } from "../page/browser.ts";
import { askForAssertion, type Place, takeAssertion } from "../page/ceremonies.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readAuthentication, readForm } from "../page/input.ts";
import { page } from "../page/page.ts";
import { HOME, param, type Route } from "../page/route.ts";
import { signedIn, toSignIn } from "../sign-in/session.ts";
import { ownerOf } from "./owner.ts";

/** What an action is about: `:id` of its address, and the fields of the form that led to it. */
export interface Target {
  id: string;
  fields: Readonly<Record<string, string>>;
}

/** The proof that was given: by which passkey, in which request. */
export interface Proof extends Target {
  ctx: Context;
  passkey: Passkey;
}

export interface SensitiveAction {
  /** Below `/account`; may hold `:id`. */
  path: string;
  /** The sentence of the page is `confirm.<purpose>` in the texts. */
  purpose: SensitivePurpose;
  /** The passkeys that may prove it; all that are active where nothing is said. */
  by?(account: Account): Passkey[];
  /** Fields of the form that are confirmed with it; all others are ignored. */
  fields?: readonly string[];
  /**
   * Says before anybody is asked for a passkey why it cannot be done; the account's own rules decide again when it is
   * done. What it returns is the `{subject}` of the sentence.
   */
  about?(account: Account, target: Target, house: House): string | undefined | Promise<string | undefined>;
  /** Shows another page in the place of the one that asks, where something has to be done first; true when it did. */
  instead?(house: House, ctx: Context, account: Account): boolean;
  /** Does it, durably; resolves to where the browser goes next. */
  perform(house: House, account: Account, proof: Proof): Promise<string>;
}

/** The three routes of an action. */
export function sensitive(action: SensitiveAction): readonly Route[] {
  return [
    ["post", action.path, (house, ctx) => start(house, ctx, action)],
    ["get", action.path, (house, ctx) => ask(house, ctx, action), "ceremonies"],
    ["post", `${action.path}/confirm`, (house, ctx) => confirm(house, ctx, action), "ceremonies"],
  ];
}

async function start(house: House, ctx: Context, { fields = [] }: SensitiveAction): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const form = await readForm(ctx);
  await ownerOf(house, ctx);
  const typed = fields.map((name) => [name, form.get(name)?.trim() ?? ""] as const);
  ctx.status = 303;
  ctx.redirect(withFields(ctx.path, Object.fromEntries(typed)));
}

async function ask(house: House, ctx: Context, action: SensitiveAction): Promise<void> {
  const account = await signedIn(house, ctx);
  // Who has no passkey cannot prove anything here; signing in is where the first one is made.
  if (!account?.passkeys.some(({ state }) => state === "active")) return toSignIn(ctx, HOME);
  if (action.instead?.(house, ctx, account)) return;
  const target = targetOf(ctx, action);
  const subject = await action.about?.(account, target, house);
  const place = placeOf(house, ctx, account, action, target);
  const url = withFields(`${ctx.path}/confirm`, target.fields);
  const ceremony = await askForAssertion(house, place, url, account, action.by?.(account));
  page(house.renderer, ctx, "confirm", {
    ...ceremony,
    purpose: action.purpose,
    autostart: comesFromHere(ctx),
    cancelUrl: HOME,
    ...(subject === undefined ? {} : { subject }),
  });
}

async function confirm(house: House, ctx: Context, action: SensitiveAction): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const owner = await ownerOf(house, ctx);
  const target = targetOf(ctx, action);
  const place = placeOf(house, ctx, owner, action, target);
  const { account, passkey } = await takeAssertion(house, place, await readAuthentication(ctx), {
    account: owner.id,
  });
  ctx.body = { location: await action.perform(house, account, { ...target, ctx, passkey }) };
}

function targetOf(ctx: Context, { fields = [] }: SensitiveAction): Target {
  const typed = fields.map((name) => [name, String(ctx.query[name] ?? "")] as const);
  return { id: param(ctx, "id"), fields: Object.fromEntries(typed) };
}

function placeOf(
  house: House,
  ctx: Context,
  account: Account,
  { purpose }: SensitiveAction,
  { id, fields }: Target,
): Place {
  const browser = browserOf(ctx, house.issuer);
  const subject = JSON.stringify([id, fields]);
  return {
    page: `account:${browser}:${purpose}:${subject}`,
    browser,
    action: `${purpose}:${account.id}:${subject}`,
  };
}

/**
 * The prompt opens by itself only for who came by a button of ours. A link from elsewhere shows the page and waits: a
 * prompt says to whom somebody signs in, not what for.
 */
function comesFromHere(ctx: Context): boolean {
  return ctx.get("sec-fetch-site") === "same-origin";
}

function withFields(path: string, fields: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== ""));
  return query.size === 0 ? path : `${path}?${query}`;
}
