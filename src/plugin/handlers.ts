/** For pages of the host's own. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Context } from "koa";
import { isRefusal } from "../errors.ts";
import { browserOf } from "../http/page/browser.ts";
import { askForAssertion } from "../http/page/ceremonies.ts";
import type { House } from "../http/page/house.ts";
import { localeOf } from "../http/page/page.ts";
import { appOf, clientOf, loadInteraction } from "../oidc/interaction.ts";
import type { AppModel } from "../view/models.ts";
import { checkOrigin, stateFor } from "./requests.ts";

/** What a sign-in page of the host's own needs to offer passkeys. */
export interface SignInPage {
  /** The interaction, as in the address. */
  uid: string;
  /** Puts everything into one element: `<form data-ceremony="authentication" data-action="…" data-options="…">`. */
  ceremony: "authentication";
  /** Where the answer is posted: `{ "response": AuthenticationResponseJSON }`; it says `{ "location": "…" }`. */
  action: string;
  /** `PublicKeyCredentialRequestOptionsJSON` */
  options: object;
  /** What the client script may have to say, in the person's language: `data-messages`. */
  messages: string;
  /** Our client script, for `<script defer src="…">`: it runs the ceremony of the element above. */
  script: string;
  /** The app that asked. */
  app: AppModel;
  loginHint?: string;
}

export interface Handlers {
  /**
   * For `GET /interaction/:uid` in the host's own framework, before the provider: what the sign-in page needs.
   * `undefined` when this page is not for signing in (it is over, or asks for consent): then leave it to the provider.
   */
  signIn(req: IncomingMessage, res: ServerResponse): Promise<SignInPage | undefined>;
}

export function handlersFor(own: () => House, trustProxy: number): Handlers {
  return {
    async signIn(req, res) {
      const house = own();
      const ctx = house.provider.createContext(req, res) as unknown as Context;
      ctx.state = stateFor(ctx, trustProxy);
      try {
        checkOrigin(house, ctx);
        return await house.unit.run(() => signInPage(house, ctx), ctx);
      } catch (error) {
        if (isRefusal(error, "interaction_expired") || isRefusal(error, "host_refused")) return undefined;
        throw error;
      }
    },
  };
}

async function signInPage(house: House, ctx: Context): Promise<SignInPage | undefined> {
  const { provider, issuer, assets, renderer } = house;
  const uid = ctx.cookies.get(provider.cookieName("interaction"), { signed: true });
  if (uid === undefined || !ctx.originalUrl.split("?")[0]?.includes(uid)) return undefined;
  const interaction = await loadInteraction(provider, ctx, uid);
  if (interaction.result?.login || interaction.prompt.name !== "login") return undefined;
  const base = issuer.pathname.replace(/\/$/, "");
  const action = `/interaction/${uid}/passkey`;
  const place = { page: uid, browser: browserOf(ctx, issuer), action: "sign-in" };
  const { options } = await askForAssertion(house, place, action);
  const locale = localeOf(renderer, ctx, interaction.params.ui_locales);
  const hint = interaction.params.login_hint;
  return {
    uid,
    ceremony: "authentication",
    action: base + action,
    options,
    messages: renderer.messages("script.authentication", locale),
    script: base + assets.js,
    app: appOf(await clientOf(provider, interaction), issuer),
    ...(typeof hint === "string" ? { loginHint: hint.slice(0, 254) } : {}),
  };
}
