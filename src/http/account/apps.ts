/** Connected apps on the owner's page: what each may do, since when, and how that ends. */
import type { Context } from "koa";
import type { Account } from "../../account/account.ts";
import { refuse } from "../../errors.ts";
import { appsOf, disconnectApp } from "../../oidc/belongings.ts";
import { namesOf } from "../../oidc/scopes.ts";
import type { ConnectedAppModel } from "../../view/models.ts";
import type { House } from "../page/house.ts";
import { assertSameOrigin, readForm } from "../page/input.ts";
import { HOME, param, type Route } from "../page/route.ts";
import { backHome, ownerOf } from "./owner.ts";

export const appRoutes: readonly Route[] = [["post", `${HOME}/apps/:id/disconnect`, disconnect]];

/** What the page shows of them, by name. An app that is not there any more can do nothing. */
export async function appSection(house: House, account: Account): Promise<ConnectedAppModel[]> {
  const connected = await appsOf(house, account);
  const shown = await Promise.all(
    connected.map(async ({ clientId, scopes, since }) => {
      const client = await house.provider.Client.find(clientId);
      if (!client) return [];
      return {
        id: clientId,
        name: client.clientName ?? clientId,
        scopes: namesOf({ scopes, claims: [] }),
        ...(since === undefined ? {} : { since: new Date(since).toISOString() }),
      };
    }),
  );
  return shown.flat().sort((a, b) => a.name.localeCompare(b.name));
}

async function disconnect(house: House, ctx: Context): Promise<void> {
  assertSameOrigin(ctx, house.issuer);
  const account = await ownerOf(house, ctx);
  await readForm(ctx);
  const id = param(ctx, "id");
  const connected = await appsOf(house, account);
  if (!connected.some(({ clientId }) => clientId === id)) throw refuse("client_unknown");
  await disconnectApp(house, account, id);
  backHome(ctx, "app_disconnected");
}
