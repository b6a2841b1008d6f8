/** The one file that reaches into the library: each reach is tried, and done without where it fails. */
import type { AsyncLocalStorage } from "node:async_hooks";
import Provider from "oidc-provider";
import { type Context, isNeeded, promiseContext } from "./promise-context.ts";

let found: Promise<Context | undefined> | undefined;

/**
 * The context in which the library keeps the request (`Provider.ctx`), to be entered before it does, so that our own
 * routes are in it too and nobody needs a second one; on older runtimes a cheaper one is put in its place.
 * `undefined` when it has moved.
 */
export function libraryContext(): Promise<Context | undefined> {
  found ??= findContext();
  return found;
}

async function findContext(): Promise<Context | undefined> {
  const path = "oidc-provider/lib/helpers/als.js";
  const module = (await import(path).catch(() => ({}))) as { default?: AsyncLocalStorage<object> };
  const context = module.default;
  if (!context) return undefined;
  // Before its first use: from then on the storage that it is costs every promise.
  if (isNeeded) Object.assign(context, promiseContext());
  const probe = {};
  const works = context.run?.(probe, () => (Provider.ctx as object | undefined) === probe);
  return works ? context : undefined;
}
