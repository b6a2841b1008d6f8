/** The health checks, for probes. */
import type { RequestListener } from "node:http";
import Koa, { type Context, type Middleware } from "koa";
import { refuse } from "../../errors.ts";
import type { Logger } from "../../log.ts";

/** `/livez`: the process answers. `/readyz`: it can do its work. On any host, because probes know no names. */
export function health(ready: () => Promise<boolean>): Middleware {
  const answer = async (ctx: Context) => {
    if (ctx.method !== "GET" && ctx.method !== "HEAD") throw refuse("method_not_allowed");
    const healthy = ctx.path === "/livez" || (await ready());
    ctx.status = healthy ? 200 : 503;
    if (!healthy) ctx.set("retry-after", "1");
    ctx.body = { status: healthy ? "ok" : "unavailable" };
  };
  return function answerHealth(ctx, next) {
    return ctx.path === "/livez" || ctx.path === "/readyz" ? answer(ctx) : next();
  };
}

/** The same on a port of its own, with nothing else on it. */
export function healthHandler(ready: () => Promise<boolean>, log: Logger): RequestListener {
  const app = new Koa();
  app.use(health(ready));
  app.on("error", (error) => log.error({ err: error }, "the health check failed"));
  return app.callback();
}
