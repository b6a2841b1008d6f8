/** What browsers and password managers look for at well-known addresses. */
import type { Context } from "koa";
import { unrelated } from "../config/sites.ts";
import { refuse } from "../errors.ts";
import type { House } from "./page/house.ts";

/** `GET /.well-known/passkey-endpoints` (W3C, "A Well-Known URL for Relying Party Passkey Endpoints"). */
export function passkeyEndpoints({ issuer }: House, ctx: Context): void {
  const base = issuer.href.replace(/\/$/, "");
  ctx.body = { enroll: `${base}/account/passkeys/add`, manage: `${base}/account` };
}

/** `GET /.well-known/webauthn` (WebAuthn Level 3, section 5.11): other origins that may use our passkeys. */
export function relatedOrigins({ rp }: House, ctx: Context): void {
  const origins = unrelated(rp.origins, rp.id);
  if (origins.length === 0) throw refuse("not_found");
  ctx.body = { origins };
}
