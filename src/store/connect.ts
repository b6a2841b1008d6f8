/** Opens the store that a setting names; only its driver is loaded. */
import { refuse } from "../errors.ts";
import type { RedisConnectOptions } from "./redis-open.ts";
import type { Store } from "./store.ts";

export interface ConnectOptions extends RedisConnectOptions {}

/** What a store's address may look like. */
const FORMS =
  "`lmdb:./folder`, `redis://host:port/db`, `redis+sentinel://h1:p,h2:p/master-name` or `redis+cluster://h1:p,h2:p`, " +
  "with `rediss` in the place of `redis` for TLS";

/**
 * Opens a store by its address, as `LATCHKEY_STORE` has it.
 *
 * @param url - `lmdb:./data`, `redis://[user:password@]host:port/db`, `redis+sentinel://…`, `redis+cluster://…`
 * @throws `store_refused` for an address that names no store or a store that is not fit, `store_unavailable`
 * @example
 * ```ts
 * const store = await connectStore("lmdb:./data");
 * ```
 */
export async function connectStore(url: string, options: ConnectOptions = {}): Promise<Store> {
  const [scheme = "", rest = ""] = url.split(/:(.*)/s);
  if (scheme === "lmdb" && rest !== "") {
    const { lmdbStore } = await import("./lmdb.ts");
    return lmdbStore(rest.replace(/^\/\/(?=\/)/, ""));
  }
  if (/^rediss?(\+sentinel|\+cluster)?$/.test(scheme) && /^\/\/./.test(rest)) {
    const { connectRedis } = await import("./redis-open.ts");
    return connectRedis(url, options);
  }
  throw refuse("store_refused", { detail: `${redactUrl(url)} names no store. Use ${FORMS}.` });
}

/** The address without what opens it: for messages and the log. */
export function redactUrl(url: string): string {
  return url.replace(/(?<=:\/\/)[^/?#]*@/, "***@").replace(/(?<=[?&][^=&]*=)[^&]*/g, "***");
}
