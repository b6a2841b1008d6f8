/** Opens a store by the address of a Redis, and says when the connection goes and comes back. */
import { LatchkeyError, refuse } from "../../errors.ts";
import { type RedisStoreOptions, redisStore } from "../redis.ts";
import type { Millis, Store } from "../store.ts";
import { parseRedisAddress, type RedisAddress } from "./address.ts";
import { type Client, openClient } from "./connections.ts";
import { checkRedis, persistenceOf } from "./fitness.ts";
import { unavailable } from "./link.ts";

const NO_DISK =
  "Changes are to be on disk before they are acknowledged (durability disk), and this Redis does not do that: " +
  "set appendonly to yes and appendfsync to always (from Redis 8.0 on, everysec will do).";

/** How long a server, a set or a cluster may take to be ready at the start. */
const CONNECTED: Millis = 5_000;

export interface RedisConnectOptions extends RedisStoreOptions {
  log?: {
    info(fields: Record<string, unknown>, message: string): void;
    warn(fields: Record<string, unknown>, message: string): void;
  };
}

/**
 * A store on connections of its own, which come back by themselves.
 *
 * @param url - `redis://`, `redis+sentinel://` or `redis+cluster://`, or `rediss` in the place of `redis`; see
 * `address.ts`. Without `durability`, one server is asked for its disk, a set or a cluster for its replicas.
 * @throws `store_unavailable` when nothing answers, `store_refused` when this Redis cannot keep accounts
 */
export async function connectRedis(url: string, options: RedisConnectOptions = {}): Promise<Store> {
  const address = parseRedisAddress(url);
  const wanted = { ...defaultsFor(address), ...options };
  const client = await connectClient(address);
  try {
    const { refusals, warnings } = await checkRedis(client, wanted);
    if (options.durability === "disk" && (await persistenceOf(client)) === "weaker") refusals.push(NO_DISK);
    if (refusals.length > 0) throw refuse("store_refused", { detail: refusals.join(" ") });
    for (const warning of warnings) options.log?.warn({ store: "redis" }, warning);
  } catch (error) {
    client.disconnect();
    throw error instanceof LatchkeyError ? error : unavailable(error);
  }
  tell(client, options.log);
  const store = redisStore(client, wanted);
  const close = store.close.bind(store);
  return Object.assign(store, {
    async close() {
      await close();
      client.disconnect();
    },
  });
}

/** What an address says besides where. */
export function defaultsFor({ topology, prefix, replicas }: RedisAddress): RedisStoreOptions {
  return {
    durability: topology === "single" ? "disk" : "replica",
    ...(prefix === undefined ? {} : { prefix }),
    ...(replicas === undefined ? {} : { replicas }),
  };
}

/** Connects, or says what the last attempt ran into: ioredis itself only says that it is closed. */
export async function connectClient(address: RedisAddress): Promise<Client> {
  const client = openClient(address);
  let reason: unknown;
  const remember = (error: unknown) => {
    reason = error;
  };
  client.on("error", remember).on("node error", remember);
  try {
    await within(CONNECTED, client.connect());
    return client;
  } catch (error) {
    client.disconnect();
    throw unavailable(reason ?? error);
  } finally {
    // Without a listener ioredis prints its errors.
    client
      .on("error", () => {})
      .off("error", remember)
      .off("node error", remember);
  }
}

/** A set without a master and a cluster without all of its slots are asked again and again, for ever. */
async function within(limit: Millis, connecting: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("it is not ready to serve")), limit);
  });
  await Promise.race([connecting, late]).finally(() => clearTimeout(timer));
}

/** One line when the connection goes, one when it is back. */
function tell(client: Client, log: RedisConnectOptions["log"]): void {
  let away = false;
  client.on("reconnecting", () => {
    if (!away) log?.warn({ store: "redis" }, "the connection to Redis was lost");
    away = true;
  });
  client.on("ready", () => {
    if (away) log?.info({ store: "redis" }, "the connection to Redis is back");
    away = false;
  });
}
