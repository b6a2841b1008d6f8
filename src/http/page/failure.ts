/** The one place where an error becomes an answer: a page for people, a problem document for programs (RFC 9457). */
import type { Context, Middleware } from "koa";
import { isRefusal, type LatchkeyError, refuse } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { AppModel } from "../../view/models.ts";
import type { Renderer } from "../../view/render.ts";
import { noteRefusal, stateOf } from "../entrance/request.ts";
import { localeOf, page } from "./page.ts";

const RETRY_AFTER_SECONDS = "5";

/**
 * Answers every error thrown further in, and every address that nobody answered. What an error has already put into
 * the answer (cookies, a redirect) goes, because nothing of it is known to be stored.
 */
export function failure(renderer: Renderer, log: Logger): Middleware {
  return function answerErrors(ctx, next) {
    const answer = (error: unknown) => {
      ctx.remove("set-cookie");
      ctx.remove("location");
      answerError(renderer, log, ctx, error);
    };
    const found = () => {
      if (ctx.status === 404 && ctx.body == null) answer(refuse("not_found"));
    };
    return next().then(found, answer);
  };
}

/** Answers one error. `app` is named on the page, with the way to start again. */
export function answerError(
  renderer: Renderer,
  log: Logger,
  ctx: Context,
  error: unknown,
  app?: AppModel,
): void {
  const refusal = toRefusal(error);
  const { requestId } = stateOf(ctx);
  if (refusal.status >= 500) log.error({ requestId, code: refusal.code, err: error }, "request failed");
  noteRefusal(ctx.req, refusal.code);
  ctx.status = refusal.status;
  if (refusal.status === 503 || refusal.status === 429) {
    ctx.set("retry-after", String(refusal.members.retry_after ?? RETRY_AFTER_SECONDS));
  }
  if (wantsProblem(ctx)) {
    answerProblem(renderer, ctx, refusal);
    return;
  }
  const { code, status, detail } = refusal;
  page(renderer, ctx, "error", {
    code,
    status,
    requestId,
    ...(detail === undefined ? {} : { detail }),
    ...(app === undefined ? {} : { app }),
  });
}

function answerProblem(renderer: Renderer, ctx: Context, refusal: LatchkeyError): void {
  const problem = refusal.toProblem();
  const title = renderer.sentence(refusal.code, localeOf(renderer, ctx)) ?? problem.title;
  ctx.body = JSON.stringify({
    ...problem,
    title,
    instance: `urn:latchkey:request:${stateOf(ctx).requestId}`,
  });
  ctx.type = "application/problem+json";
}

/** Ceremonies are answered to a script, whatever it accepts; everything else to whoever says it is a browser. */
function wantsProblem(ctx: Context): boolean {
  return ctx.is("json") === "json" || ctx.accepts("json", "html") !== "html";
}

/** Anything that is not a refusal is our fault, and says nothing about itself. */
function toRefusal(error: unknown): LatchkeyError {
  if (isRefusal(error)) return error;
  const status = (error as { status?: unknown } | null)?.status;
  if (status === 413) return refuse("request_too_large", { cause: error });
  if (status === 400) return refuse("request_invalid", { cause: error });
  return refuse("internal", { cause: error });
}
