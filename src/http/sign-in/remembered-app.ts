/**
 * Which app a page was for, kept in the browser a day longer than the interaction itself, to name it when it is over.
 * One cookie for the last few pages: it says nothing secret, and nothing depends on it but a name and a link.
 */
import type { Context } from "koa";
import { appOf } from "../../oidc/interaction.ts";
import type { AppModel } from "../../view/models.ts";
import { stateOf } from "../entrance/request.ts";
import type { House } from "../page/house.ts";

const DAY = 24 * 60 * 60 * 1000;
const REMEMBERED = 3;
const PATH = "/interaction";

function nameOf(issuer: URL): string {
  return `${issuer.protocol === "https:" ? "__Secure-" : ""}latchkey_apps`;
}

function entries(ctx: Context, issuer: URL): [uid: string, clientId: string][] {
  const value = ctx.cookies.get(nameOf(issuer), { signed: false }) ?? "";
  return [...new URLSearchParams(value)].slice(-REMEMBERED);
}

export function rememberApp({ issuer }: House, ctx: Context, uid: string, clientId: string): void {
  const known = entries(ctx, issuer);
  if (known.some(([page]) => page === uid)) return;
  const value = new URLSearchParams([...known.slice(1 - REMEMBERED), [uid, clientId]]);
  ctx.cookies.set(nameOf(issuer), value.toString(), {
    signed: false,
    httpOnly: true,
    sameSite: "lax",
    secure: issuer.protocol === "https:",
    path: `${stateOf(ctx).base ?? ""}${PATH}`,
    maxAge: DAY,
  });
}

export async function rememberedApp(
  { issuer, provider }: House,
  ctx: Context,
  uid: string,
): Promise<AppModel | undefined> {
  const clientId = entries(ctx, issuer).find(([page]) => page === uid)?.[1];
  const client = clientId === undefined ? undefined : await provider.Client.find(clientId);
  return client && appOf(client, issuer);
}
