/** The one file that reaches into the library: each reach is tried, and done without where it fails. */
import type { AsyncLocalStorage } from "node:async_hooks";
import Provider from "oidc-provider";

/**
 * The context in which the library keeps the request (`Provider.ctx`), to be entered before it does, so that our own
 * routes are in it too and nobody needs a second one. `undefined` when it has moved.
 */
export async function libraryContext(): Promise<AsyncLocalStorage<object> | undefined> {
  const path = "oidc-provider/lib/helpers/als.js";
  const found = (await import(path).catch(() => ({}))) as { default?: AsyncLocalStorage<object> };
  const context = found.default;
  const probe = {};
  const works = context?.run?.(probe, () => (Provider.ctx as object | undefined) === probe);
  return works ? context : undefined;
}
