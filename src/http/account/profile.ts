/** Who the owner is, on the owner's page: the name, which is typed, and the address, which is proved. */
import type { Context } from "koa";
import type { Account } from "../../account/account.ts";
import { PROOF_MINUTES } from "../../account/email.ts";
import { checkEmail } from "../../account/names.ts";
import { isRefusal, refuse } from "../../errors.ts";
import type { ProfileModel } from "../../view/models.ts";
import { stateOf } from "../entrance/request.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readForm } from "../page/input.ts";
import { localeOf, page } from "../page/page.ts";
import { HOME, type Route } from "../page/route.ts";
import { signedIn, toSignIn } from "../sign-in/session.ts";
import { backHome, ownerOf } from "./owner.ts";
import { type Proof, sensitive } from "./sensitive.ts";

const EMAIL = `${HOME}/email`;

export const profileRoutes: readonly Route[] = [
  ["post", `${HOME}/name`, changeName],
  ...sensitive({
    path: EMAIL,
    purpose: "change_email",
    fields: ["email"],
    about(_account, { fields }, { mail }) {
      if (!mail) throw refuse("not_found");
      return checkEmail(fields.email ?? "").typed;
    },
    perform: sendProof,
  }),
  ["get", `${EMAIL}/verify`, showVerify],
  ["post", `${EMAIL}/verify`, verify],
  ["get", `${EMAIL}/undo`, showUndo],
  ["post", `${EMAIL}/undo`, undo],
];

/** What the page shows of the person. */
export function profileSection({ mail, clock }: House, account: Account): ProfileModel {
  const { username, email, emailVerified, name = username, emailChange, deletion } = account;
  const isWaiting = emailChange !== undefined && emailChange.until > clock.now();
  return {
    name,
    username,
    emailVerified,
    mayChangeEmail: mail !== undefined,
    ...(email === undefined ? {} : { email }),
    ...(isWaiting ? { waitingEmail: emailChange.address } : {}),
    ...(deletion === undefined ? {} : { deletedAt: new Date(deletion.at).toISOString() }),
  };
}

async function changeName(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const account = await ownerOf(house, ctx);
  const form = await readForm(ctx);
  await house.accounts.setName(account.id, form.get("name") ?? "");
  backHome(ctx, "name_changed");
}

/** The mail goes to the new address, of which nobody knows yet whose it is: so not many go there. */
async function sendProof(house: House, account: Account, { fields, ctx }: Proof): Promise<string> {
  const { mail } = house;
  if (!mail) throw refuse("not_found");
  const { typed, canonical } = checkEmail(fields.email ?? "");
  const { token, code } = await house.accounts.proposeEmail(account.id, typed);
  const link = { url: `${house.issuer.origin}${EMAIL}/verify?token=${token}`, minutes: PROOF_MINUTES };
  const sent = await mail.send({
    to: typed,
    name: "proof",
    model: { kind: "email", account: account.username, link, code },
    language: localeOf(house.renderer, ctx),
    bucket: `email:${canonical}`,
  });
  if (!sent) throw refuse("too_many_requests", { members: { retry_after: 3600 } });
  return `${EMAIL}/verify`;
}

/** Looking does not prove anything: mail programs look at links before people do. */
async function showVerify(house: House, ctx: Context): Promise<void> {
  const account = await signedIn(house, ctx);
  if (!account) return toSignIn(ctx, ctx.url);
  verifyPage(house, ctx, account, tokenOf(ctx.query.token));
}

function verifyPage(house: House, ctx: Context, account: Account, token: string, failed = false): void {
  const { address = "" } = account.emailChange ?? {};
  if (address === "") throw refuse("email_proof_invalid");
  const given = token === "" ? {} : { token };
  page(house.renderer, ctx, "verify_email", { email: address, action: `${EMAIL}/verify`, ...given, failed });
}

async function verify(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const account = await ownerOf(house, ctx);
  const form = await readForm(ctx);
  const token = tokenOf(form.get("token"));
  await house.guesses.confirm({ address: stateOf(ctx).address, account: account.id });
  try {
    await prove(house, account, token === "" ? { code: form.get("code") ?? "" } : { token });
  } catch (error) {
    if (token !== "" || !isRefusal(error, "email_proof_invalid") || !account.emailChange) throw error;
    ctx.status = error.status;
    return verifyPage(house, ctx, account, "", true);
  }
  backHome(ctx, "email_changed");
}

async function prove(
  house: House,
  { id }: Account,
  proof: { token: string } | { code: string },
): Promise<void> {
  const { account, before, undo: secret } = await house.accounts.proveEmail(id, proof);
  if (before === undefined || before === account.email) return;
  const query = new URLSearchParams({ id, token: secret });
  const link = `${house.issuer.origin}${EMAIL}/undo?${query}`;
  const old = { ...account, email: before };
  await house.notify(old, {
    kind: "email_changed",
    at: house.clock.now(),
    undo: link,
    ...(account.email === undefined ? {} : { about: account.email }),
  });
}

/** Whoever reads the mail to the old address needs no session: a thief may hold the only one there is. */
function showUndo(house: House, ctx: Context): void {
  const fields = { id: tokenOf(ctx.query.id), token: tokenOf(ctx.query.token) };
  page(house.renderer, ctx, "undo_email", { action: `${EMAIL}/undo`, ...fields, done: false });
}

async function undo(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const form = await readForm(ctx);
  await house.guesses.confirm({ address: stateOf(ctx).address });
  const restored = await restore(house, tokenOf(form.get("id")), tokenOf(form.get("token")));
  await house.endSessions(restored);
  page(house.renderer, ctx, "undo_email", { action: `${EMAIL}/undo`, id: "", token: "", done: true });
}

/** An account that is not there is not told from a link that is too old. */
async function restore(house: House, id: string, token: string): Promise<Account> {
  try {
    return await house.accounts.restoreEmail(id, token);
  } catch (error) {
    throw isRefusal(error, "account_unknown") ? refuse("email_proof_invalid", { cause: error }) : error;
  }
}

function tokenOf(value: unknown): string {
  return typeof value === "string" && /^[A-Za-z0-9_-]{1,512}$/.test(value) ? value : "";
}
