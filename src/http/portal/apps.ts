/** The portal: the apps that an account may open, each a link to where it begins. */
import type { Context } from "koa";
import type { Account } from "../../account/account.ts";
import { refuse } from "../../errors.ts";
import { launchUrl, mayOpen } from "../../oidc/client/facts.ts";
import type { LaunchModel } from "../../view/models.ts";
import type { House } from "../page/house.ts";
import { localeOf, page } from "../page/page.ts";
import type { Route } from "../page/route.ts";
import { signedIn, toSignIn } from "../sign-in/session.ts";
import { initials } from "./initials.ts";

const PORTAL = "/apps";

export const portalRoutes: readonly Route[] = [
  ["get", "/", (_house, ctx) => ctx.redirect(PORTAL)],
  ["get", PORTAL, showApps],
];

async function showApps(house: House, ctx: Context): Promise<void> {
  const account = await signedIn(house, ctx);
  if (!account) return toSignIn(ctx, PORTAL);
  const apps = await appsFor(house, account, localeOf(house.renderer, ctx));
  page(house.renderer, ctx, "apps", { account: account.email ?? account.username, apps });
}

/** What an account may open, by name as people of its language order names. Whether it may is asked again at the app's request. */
async function appsFor(
  { launchable, issuer }: House,
  { groups }: Account,
  locale: string,
): Promise<LaunchModel[]> {
  if (!launchable) throw refuse("not_found");
  const { compare } = new Intl.Collator(locale, { numeric: true });
  return (await launchable())
    .filter((client) => mayOpen(client, groups))
    .flatMap((client) => {
      const { name } = client;
      const url = launchUrl(client, issuer.origin);
      return url === undefined
        ? []
        : [{ name, initials: initials(name, locale), host: new URL(url).host, launchUrl: url }];
    })
    .sort((a, b) => compare(a.name, b.name) || (a.launchUrl < b.launchUrl ? -1 : 1));
}
