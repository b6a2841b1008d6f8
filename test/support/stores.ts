/** Every kind of store, so that a test runs once for each: `for (const { name, open } of stores) …`. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectStore } from "../../src/store/connect.ts";
import type { Store } from "../../src/store/store.ts";
import { newerServers, type RedisServer, startRedis, startRedisOf, withoutRedis } from "./redis.ts";

/** A store of its own for one test or one file. */
export interface OpenStore {
  store: Store;
  /** What `LATCHKEY_STORE` would be. */
  url: string;
  /** The same data through a further handle, as another process would have it. Closed by `close` too. */
  reopen(): Promise<Store>;
  /** Closes every handle and removes the data. */
  close(): Promise<void>;
  /** The server behind a Redis store. */
  server?: RedisServer;
}

export interface StoreKind {
  name: string;
  open(): Promise<OpenStore>;
}

export const stores: StoreKind[] = [
  { name: "lmdb", open: openLmdb },
  { name: "redis", open: openRedis },
].filter(({ name }) => name !== "redis" || !withoutRedis);

/**
 * Newer servers, for a store's own tests: one that can be waited for writes to its disk once a second, another one at
 * once.
 */
export const newerStores: StoreKind[] = newerServers.map(({ name, program, isWaitedFor }) => ({
  name,
  open: () => openServer(startRedisOf(program, "--appendfsync", isWaitedFor ? "everysec" : "always")),
}));

async function openLmdb(): Promise<OpenStore> {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-lmdb-"));
  return handles(`lmdb:${folder}`, () => rm(folder, { recursive: true, force: true }));
}

function openRedis(): Promise<OpenStore> {
  return openServer(startRedis());
}

async function openServer(starting: Promise<RedisServer>): Promise<OpenStore> {
  const server = await starting;
  return { ...(await handles(server.url, () => server.stop())), server };
}

async function handles(url: string, cleanUp: () => Promise<void>): Promise<OpenStore> {
  const open: Store[] = [];
  const connect = async () => {
    const store = await connectStore(url);
    open.push(store);
    return store;
  };
  return {
    store: await connect(),
    url,
    reopen: connect,
    async close() {
      await Promise.all(open.map((store) => store.close()));
      await cleanUp();
    },
  };
}
