/** The owner's page: passkeys to look at, add, rename and remove. */
import type { Context } from "koa";
import type { Account, Passkey } from "../account/account.ts";
import { refuse } from "../errors.ts";
import { providerName } from "../passkey/names.ts";
import type { PasskeyModel, ViewModels } from "../view/models.ts";
import { browserOf } from "./browser.ts";
import { askForAssertion, askForPasskey, type Place, takeAssertion, takePasskey } from "./ceremonies.ts";
import type { House } from "./house.ts";
import { assertSameOrigin, readAuthentication, readForm, readRegistration } from "./input.ts";
import { page } from "./page.ts";
import { signedIn, toSignIn } from "./sign-in.ts";
import { HOME } from "./visit.ts";

function param(ctx: Context, name: string): string {
  return (ctx as Context & { params: Record<string, string> }).params[name] ?? "";
}

async function require(house: House, ctx: Context): Promise<Account> {
  const account = await signedIn(house, ctx);
  if (!account) throw refuse("session_required");
  return account;
}

/** `GET /account` */
export async function showAccount(house: House, ctx: Context): Promise<void> {
  const account = await signedIn(house, ctx);
  if (!account) return toSignIn(ctx, HOME);
  const { username, email, emailVerified, name = username } = account;
  const notice = noticeOf(ctx.query.notice);
  page(house.renderer, ctx, "account", {
    account: { name, username, emailVerified, ...(email === undefined ? {} : { email }) },
    passkeys: account.passkeys.filter(({ state }) => state !== "pending").map(describe),
    ...(notice === undefined ? {} : { notice }),
  });
}

type Notice = NonNullable<ViewModels["account"]["notice"]>;
const notices: readonly Notice[] = ["passkey_added", "passkey_renamed", "passkey_removed"];

function noticeOf(value: unknown): Notice | undefined {
  return notices.find((notice) => notice === value);
}

function describe(passkey: Passkey): PasskeyModel {
  const provider = providerName(passkey.aaguid);
  return {
    id: passkey.id,
    name: passkey.name,
    ...(provider === undefined ? {} : { provider }),
    reported: passkey.attestation !== "verified",
    synced: passkey.backupEligible,
    created: new Date(passkey.created).toISOString(),
    ...(passkey.lastUsed === undefined ? {} : { lastUsed: passkey.lastUsed }),
  };
}

/** What only a fresh ceremony does; its challenge is bound to exactly this, for this passkey. */
type Action = "add_passkey" | "remove_passkey";

function actionPlace(house: House, ctx: Context, account: Account, action: Action, subject = ""): Place {
  const browser = browserOf(ctx, house.issuer);
  return {
    page: `account:${browser}:${action}:${subject}`,
    browser,
    action: `${action}:${account.id}:${subject}`,
  };
}

/** `POST /account/passkeys/add`, `POST /account/passkeys/:id/remove`: lead to the page that asks for the passkey. */
export async function startAction(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  await readForm(ctx);
  await require(house, ctx);
  ctx.status = 303;
  ctx.redirect(ctx.path);
}

/** `GET /account/passkeys/add`, `GET /account/passkeys/:id/remove` */
export async function showConfirm(house: House, ctx: Context, purpose: Action): Promise<void> {
  const account = await signedIn(house, ctx);
  if (!account) return toSignIn(ctx, HOME);
  const id = param(ctx, "id");
  const subject = account.passkeys.find((passkey) => passkey.id === id);
  if (purpose === "remove_passkey") assertRemovable(account, subject);
  const place = actionPlace(house, ctx, account, purpose, id);
  const ceremony = await askForAssertion(house, place, `${ctx.path}/confirm`, account);
  page(house.renderer, ctx, "confirm", {
    ...ceremony,
    purpose,
    cancelUrl: HOME,
    ...(subject ? { subject: subject.name } : {}),
  });
}

/** Said before anybody is asked for a passkey; the account's own rule decides again when it is removed. */
function assertRemovable(account: Account, subject: Passkey | undefined): asserts subject is Passkey {
  if (!subject) throw refuse("passkey_unknown");
  const others = account.passkeys.filter(({ id, state }) => state === "active" && id !== subject.id);
  if (others.length === 0) throw refuse("last_way_in");
}

/** `POST /account/passkeys/:id/remove/confirm` */
export async function removePasskey(house: House, ctx: Context): Promise<void> {
  const account = await confirm(house, ctx, "remove_passkey", param(ctx, "id"));
  await house.accounts.removePasskey(account.id, param(ctx, "id"));
  ctx.body = { location: `${HOME}?notice=passkey_removed` };
}

/**
 * `POST /account/passkeys/add/confirm`: the proof is kept for the one page that follows, as the page it belongs to:
 * only this browser, this account and this proof know its name.
 */
export async function confirmAdd(house: House, ctx: Context): Promise<void> {
  const account = await confirm(house, ctx, "add_passkey", "");
  const permit = await house.permits.issue(`add_passkey:${account.id}:${browserOf(ctx, house.issuer)}`);
  ctx.body = { location: `${HOME}/passkeys/new?permit=${permit}` };
}

async function confirm(house: House, ctx: Context, action: Action, subject: string): Promise<Account> {
  assertSameOrigin(ctx, house.issuer);
  const account = await require(house, ctx);
  const place = actionPlace(house, ctx, account, action, subject);
  await takeAssertion(house, place, await readAuthentication(ctx), account.id);
  return account;
}

function newPlace(house: House, ctx: Context, account: Account, permit: string): Place {
  return {
    page: `add:${permit}`,
    browser: browserOf(ctx, house.issuer),
    action: `add_passkey:${account.id}`,
  };
}

/** `GET /account/passkeys/new` */
export async function showAddPasskey(house: House, ctx: Context): Promise<void> {
  const account = await signedIn(house, ctx);
  if (!account) return toSignIn(ctx, HOME);
  const permit = String(ctx.query.permit ?? "");
  const subject = `add_passkey:${account.id}:${browserOf(ctx, house.issuer)}`;
  if (!(await house.permits.check(permit, subject))) throw refuse("ceremony_expired");
  const action = `${HOME}/passkeys/new?permit=${encodeURIComponent(permit)}`;
  const ceremony = await askForPasskey(house, newPlace(house, ctx, account, permit), action, account);
  page(house.renderer, ctx, "add_passkey", { ...ceremony, cancelUrl: HOME });
}

/** `POST /account/passkeys/new` */
export async function addPasskey(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const account = await require(house, ctx);
  const permit = String(ctx.query.permit ?? "");
  const subject = `add_passkey:${account.id}:${browserOf(ctx, house.issuer)}`;
  const { response } = await readRegistration(ctx);
  if (!(await house.permits.check(permit, subject))) throw refuse("ceremony_expired");
  const made = await takePasskey(house, newPlace(house, ctx, account, permit), response);
  if (made.accountId !== account.id) throw refuse("ceremony_expired");
  // Before the passkey is added: of two answers at once one adds.
  if (!(await house.permits.spend(permit))) throw refuse("ceremony_expired");
  await house.accounts.addPasskey(account.id, { ...made.passkey, addedBy: "account" });
  ctx.body = { location: `${HOME}?notice=passkey_added` };
}

/** `POST /account/passkeys/:id/rename` */
export async function renamePasskey(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const account = await require(house, ctx);
  const form = await readForm(ctx);
  await house.accounts.renamePasskey(account.id, param(ctx, "id"), form.get("name") ?? "");
  ctx.status = 303;
  ctx.redirect(`${HOME}?notice=passkey_renamed`);
}
