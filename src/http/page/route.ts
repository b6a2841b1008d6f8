/** What a route is; `http/routes.ts` has the table, and larger subjects have a part of it beside their handlers. */
import type { Context, Next } from "koa";
import type { House } from "./house.ts";

/** `next` leads on to the library. */
export type Handler = (house: House, ctx: Context, next: Next) => Promise<void> | void;

/** Which flood a route is part of; the others cost no more than a read. */
export type Limit = "ceremonies" | "signUps";

export type Route = readonly [method: "get" | "post", path: string, handler: Handler, limit?: Limit];

/** Where somebody goes who came for nothing else. */
export const HOME = "/account";

/** What stands in the address for `:name`. */
export function param(ctx: Context, name: string): string {
  return (ctx as Context & { params: Record<string, string> }).params[name] ?? "";
}
