/** Opens the store that a setting names; only its driver is loaded. */
import { refuse } from "../errors.ts";
import type { Finding } from "./finding.ts";
import type { RedisConnectOptions } from "./redis/open.ts";
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
  const folder = folderOf(url);
  if (folder !== undefined) {
    const { lmdbStore } = await import("./lmdb.ts");
    return lmdbStore(folder);
  }
  requireRedis(url);
  const { connectRedis } = await import("./redis/open.ts");
  return connectRedis(url, options);
}

/**
 * What there is to say about a store that is there, and what to do about it. Changes nothing.
 *
 * @throws what {@link connectStore} throws for an address that names no store or a store that does not answer
 */
export async function inspectStore(url: string, options: ConnectOptions = {}): Promise<Finding[]> {
  const folder = folderOf(url);
  if (folder !== undefined) {
    const { inspectLmdb } = await import("./lmdb/inspect.ts");
    return inspectLmdb(folder);
  }
  requireRedis(url);
  const { inspectRedis } = await import("./redis/inspect.ts");
  return inspectRedis(url, options);
}

function folderOf(url: string): string | undefined {
  const [, folder] = /^lmdb:(.+)$/s.exec(url) ?? [];
  return folder?.replace(/^\/\/(?=\/)/, "");
}

function requireRedis(url: string): void {
  if (!/^rediss?(\+sentinel|\+cluster)?:\/\/./.test(url))
    throw refuse("store_refused", { detail: `${redactUrl(url)} names no store. Use ${FORMS}.` });
}

/** The address without what opens it: for messages and the log. */
export function redactUrl(url: string): string {
  return url.replace(/(?<=:\/\/)[^/?#]*@/, "***@").replace(/(?<=[?&][^=&]*=)[^&]*/g, "***");
}
