/** The health checks, for probes, and the port for operators that has them and the metrics. */
import type { RequestListener } from "node:http";
import Koa, { type Context, type Middleware } from "koa";
import { refuse } from "../../errors.ts";
import type { Logger } from "../../log.ts";

/** `/livez`: the process answers. `/readyz`: it can do its work. On any host, because probes know no names. */
export function health(ready: () => Promise<boolean>): Middleware {
  return function answerHealth(ctx, next) {
    if (ctx.path !== "/livez" && ctx.path !== "/readyz") return next();
    if (!isRead(ctx)) throw refuse("method_not_allowed");
    return answer(ctx, ready);
  };
}

async function answer(ctx: Context, ready: () => Promise<boolean>): Promise<void> {
  const healthy = ctx.path === "/livez" || (await ready());
  ctx.status = healthy ? 200 : 503;
  if (!healthy) ctx.set("retry-after", "1");
  ctx.body = { status: healthy ? "ok" : "unavailable" };
}

function isRead({ method }: Context): boolean {
  return method === "GET" || method === "HEAD";
}

/** Text for who asks with this `Accept`. */
export type Scrape = (accept: string) => Promise<{ type: string; text: string }>;

/** What operators ask on a port of its own, with nothing else on it, and on any host. */
export function adminHandler(ready: () => Promise<boolean>, scrape: Scrape, log: Logger): RequestListener {
  const answers: Readonly<Record<string, (ctx: Context) => Promise<void>>> = {
    "/livez": (ctx) => answer(ctx, ready),
    "/readyz": (ctx) => answer(ctx, ready),
    "/metrics": (ctx) => answerMetrics(ctx, scrape, log),
  };
  const app = new Koa();
  app.use(async (ctx) => {
    ctx.set({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
    const found = Object.hasOwn(answers, ctx.path) ? answers[ctx.path] : undefined;
    if (found && isRead(ctx)) return found(ctx);
    if (found) ctx.set("allow", "GET, HEAD");
    const { code, status } = refuse(found ? "method_not_allowed" : "not_found");
    ctx.status = status;
    ctx.body = { status, code };
  });
  app.on("error", (error) => log.error({ err: error }, "a request to the admin port failed"));
  return app.callback();
}

/** Numbers that are not all there would look as if some had been counted anew; none are an alert by themselves. */
async function answerMetrics(ctx: Context, scrape: Scrape, log: Logger): Promise<void> {
  try {
    const { type, text } = await scrape(ctx.get("accept"));
    ctx.set("content-type", type);
    ctx.set("vary", "Accept");
    ctx.body = text;
  } catch (err) {
    log.warn({ err }, "the metrics could not be gathered");
    ctx.status = 503;
    ctx.set("retry-after", "1");
    ctx.body = { status: "unavailable" };
  }
}
