/** Answers a page in the language of the person who asked. */
import type { Context } from "koa";
import type { ViewModels, ViewName } from "../../view/models.ts";
import type { Renderer } from "../../view/render.ts";
import { stateOf } from "../entrance/request.ts";

/** Renders a view as the answer. `ui_locales` of the app's request goes before the browser's languages. */
export function page<K extends ViewName>(
  renderer: Renderer,
  ctx: Context,
  name: K,
  model: ViewModels[K],
  uiLocales?: unknown,
): void {
  const locale = localeOf(renderer, ctx, uiLocales);
  ctx.type = "html";
  ctx.set("content-language", locale);
  ctx.vary("accept-language");
  ctx.body = renderer.render(name, model, { locale, requestId: stateOf(ctx).requestId });
}

export function localeOf(renderer: Renderer, ctx: Context, uiLocales?: unknown): string {
  const requested = uiLocales ?? ctx.query.ui_locales;
  return renderer.negotiate(
    ctx.get("accept-language"),
    typeof requested === "string" ? requested : undefined,
  );
}
