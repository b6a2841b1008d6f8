/** The pages at the library's own endpoints: errors, signing out, connecting a device. */
import type { Context, Middleware } from "koa";
import { type ErrorCode, isRefusal, refuse } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { NoAccess } from "../../oidc/access.ts";
import type { LibraryPages } from "../../oidc/configuration.ts";
import { type App, appOf } from "../../oidc/interaction.ts";
import type { Renderer } from "../../view/render.ts";
import { answerError } from "../page/failure.ts";
import { page } from "../page/page.ts";

export interface LibraryPagesDependencies {
  renderer: Renderer;
  issuer: URL;
  log: Logger;
}

type OidcContext = Parameters<LibraryPages["logout"]>[0];

export function libraryPages({ renderer, issuer, log }: LibraryPagesDependencies): LibraryPages {
  const named = ({ oidc }: OidcContext): { app?: App } =>
    oidc.client ? { app: appOf(oidc.client, issuer) } : {};
  const plain = (ctx: OidcContext) => ctx as unknown as Context;
  return {
    async error(ctx, { error, error_description: description }, cause) {
      // A refusal of ours is not the library's to explain: it is thrown again behind it, and answered there.
      if (isRefusal(cause)) return;
      const refusal = refuse(codeOf(error, cause), {
        cause,
        // What is wrong with a request is said to whoever builds the app, never what is wrong with us.
        ...(error === "server_error" ? {} : { detail: [error, description].filter(Boolean).join(": ") }),
      });
      const status = ctx.status;
      answerError(renderer, log, plain(ctx), refusal, named(ctx).app);
      if (error !== "server_error") ctx.status = status;
    },
    async logout(ctx, form) {
      page(renderer, plain(ctx), "logout", { form, ...named(ctx) });
    },
    async loggedOut(ctx) {
      page(renderer, plain(ctx), "logged_out", named(ctx));
    },
    async deviceCode(ctx, form, error) {
      page(renderer, plain(ctx), "device", { form, ...problemOf(error), ...named(ctx) });
    },
    async deviceConfirm(ctx, form, userCode) {
      page(renderer, plain(ctx), "device_confirm", { form, userCode, app: named(ctx).app ?? { name: "" } });
    },
    async deviceDone(ctx) {
      page(renderer, plain(ctx), "device_done", { app: named(ctx).app ?? { name: "" } });
    },
  };
}

function codeOf(error: string, cause: Error): ErrorCode {
  if (cause.name === "SessionNotFound") return "interaction_expired";
  return error === "server_error" ? "internal" : "request_invalid";
}

/** Why the library asks for the code once more; it names its errors by their class. */
function problemOf(error: unknown): { problem?: "failed" | "cancelled" | "no_access" } {
  if (error === undefined) return {};
  if (error instanceof Error && error.cause instanceof NoAccess) return { problem: "no_access" };
  return { problem: error instanceof Error && error.name === "AbortedError" ? "cancelled" : "failed" };
}

/** How the library's own page that posts itself begins, in English and with a script of its own. */
const SELF_POSTING = "<title>Submitting Callback</title>";

/** Shows ours instead: in the person's language, sent on by the one client script. */
export function ownSubmitPage(renderer: Renderer): Middleware {
  const replace = (ctx: Context) => {
    if (!("oidc" in ctx) || typeof ctx.body !== "string" || !ctx.body.includes(SELF_POSTING)) return;
    const form = /<form\b[\s\S]*<\/form>/.exec(ctx.body)?.[0];
    if (form) page(renderer, ctx, "submit", { form });
  };
  return function replaceSubmitPage(ctx, next) {
    return next().then(() => replace(ctx));
  };
}
