/** Every kind of store, so that a test runs once for each: `for (const { name, open } of stores) …`. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectStore } from "../../src/store/connect.ts";
import type { Store } from "../../src/store/store.ts";
import { type RedisServer, startRedis, withoutRedis } from "./redis.ts";

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
  name: "lmdb" | "redis";
  open(): Promise<OpenStore>;
}

export const stores: StoreKind[] = [
  { name: "lmdb" as const, open: openLmdb },
  { name: "redis" as const, open: openRedis },
].filter(({ name }) => name !== "redis" || !withoutRedis);

async function openLmdb(): Promise<OpenStore> {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-lmdb-"));
  return handles(`lmdb:${folder}`, () => rm(folder, { recursive: true, force: true }));
}

async function openRedis(): Promise<OpenStore> {
  const server = await startRedis();
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
