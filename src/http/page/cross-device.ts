/**
 * A browser in which somebody signed in with the passkey of another device (the browser's own QR code): the owner's page
 * offers to make one here. It is remembered in a cookie, so that nobody else's sign-in pays for it.
 */
import type { Context } from "koa";
import type { Account } from "../../account/account.ts";
import type { Authentication } from "../../passkey/authentication.ts";
import { fingerprint } from "../../store/record.ts";

function nameOf(issuer: URL): string {
  return `${issuer.protocol === "https:" ? "__Host-" : ""}latchkey_elsewhere`;
}

/** After a sign-in: a passkey of another device is remembered, one of this device takes the offer back. */
export function rememberDevice(ctx: Context, issuer: URL, { account, device }: Authentication): void {
  if (device === "elsewhere") setCookie(ctx, issuer, fingerprint(account.id));
  else if (device === "here") forgetDevice(ctx, issuer);
}

/** Whether this account signed in here with the passkey of another device, and has made none here since. */
export function cameFromElsewhere(ctx: Context, issuer: URL, { id }: Account): boolean {
  if (!isRemembered(ctx, issuer)) return false;
  return ctx.cookies.get(nameOf(issuer), { signed: true }) === fingerprint(id);
}

/** A passkey is here now. */
export function forgetDevice(ctx: Context, issuer: URL): void {
  if (isRemembered(ctx, issuer)) setCookie(ctx, issuer, null);
}

/** Looked at before anything is verified: most browsers bring no such cookie. */
function isRemembered(ctx: Context, issuer: URL): boolean {
  return ctx.get("cookie").includes(`${nameOf(issuer)}=`);
}

function setCookie(ctx: Context, issuer: URL, value: string | null): void {
  const secure = issuer.protocol === "https:";
  ctx.cookies.set(nameOf(issuer), value, {
    signed: true,
    httpOnly: true,
    sameSite: "lax",
    secure,
    overwrite: true,
  });
}
