/**
 * The connections to Redis: one for requests, and beside it those that are kept for durable writes and for walks, so
 * that neither a wait for a disk nor a long answer holds up a sign-in.
 */
import { Cluster, Redis, type RedisOptions } from "ioredis";
import type { Millis } from "../store.ts";
import type { RedisAddress } from "./address.ts";
import { slotOf } from "./slot.ts";

export type Client = Redis | Cluster;

/** `host:port`; empty where there is one server, or one that Sentinel finds. */
export type Node = string;

/** Connections of our own: no command waits for a connection, none is sent twice behind our back. */
export const OWN_CONNECTION = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: 1_000,
  connectTimeout: 2_000,
  // A peer that vanished without a word is noticed here; the next commands go to a new connection.
  socketTimeout: 3_000,
  retryStrategy: (times: number) => Math.min(25 * 2 ** times, 1_000),
  // After a failover the old master says READONLY until the connection is made anew.
  reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
} as const;

/** How often a redirected or interrupted command of a cluster is sent again, and how long it waits before that. */
const REDIRECTIONS = 5;
const REDIRECTION_DELAY: Millis = 100;
/** How long a connection may take to come. */
const PATIENCE: Millis = 1_000;
/** With so many keys one is found even for a server that has a single slot. */
const KEYS_TRIED = 300_000;
/** A server that stays away this often is given up: in a cluster another one has taken its place. */
const GIVEN_UP_AFTER = 8;

/** A client for an address; it connects when it is told to. */
export function openClient(address: RedisAddress): Client {
  return address.topology === "cluster" ? openCluster(address) : new Redis(optionsFor(address));
}

function openCluster({ hosts, tls, username, password }: RedisAddress): Cluster {
  const { retryStrategy, enableOfflineQueue, ...own } = OWN_CONNECTION;
  return new Cluster(hosts, {
    lazyConnect: true,
    enableOfflineQueue,
    clusterRetryStrategy: retryStrategy,
    maxRedirections: REDIRECTIONS,
    // What may have been carried out is repeated by us, who remember that it may have been.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: REDIRECTION_DELAY,
    retryDelayOnTryAgain: REDIRECTION_DELAY,
    scaleReads: "master",
    // Certificates name hosts, and a cluster's table may too: names are not looked up for the driver.
    ...(tls ? { dnsLookup: (address, callback) => callback(null, address) } : {}),
    redisOptions: { ...own, ...known({ tls, username, password }) },
  });
}

function optionsFor(address: RedisAddress): Omit<RedisOptions, "replyMapping"> {
  const { topology, hosts, master, db, tls, username, password, sentinelUsername, sentinelPassword } =
    address;
  const own = { ...OWN_CONNECTION, lazyConnect: true, db, ...known({ username, password, tls }) };
  if (topology === "single") return { ...own, ...hosts[0] };
  return {
    ...own,
    sentinels: hosts,
    name: master ?? "",
    role: "master",
    updateSentinels: false,
    // Told of a failover, it leaves the old master at once.
    failoverDetector: true,
    sentinelCommandTimeout: OWN_CONNECTION.commandTimeout,
    sentinelRetryStrategy: OWN_CONNECTION.retryStrategy,
    enableTLSForSentinelMode: tls !== undefined,
    ...known({ sentinelUsername, sentinelPassword, sentinelTLS: tls }),
  };
}

function known<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}

/** Connections to the same servers beside the requests' own; each is made when it is first wanted. */
export class SideConnections {
  readonly #client: Client;
  readonly #commandTimeout: Millis;
  readonly #open = new Map<Node, Redis>();

  constructor(client: Client, commandTimeout: Millis) {
    this.#client = client;
    this.#commandTimeout = commandTimeout;
  }

  /** The connection to a server; to the one that there is, outside a cluster. */
  #to(node: Node): Redis {
    const known = this.#open.get(node);
    if (known) return known;
    const made = this.#connect(node);
    this.#open.set(node, made);
    // Without a listener ioredis prints its errors.
    made
      .on("error", () => {})
      .once("end", () => {
        if (this.#open.get(node) === made) this.#open.delete(node);
      });
    return made;
  }

  /** The same, once it stands; it may not, after a second. */
  async ready(node: Node): Promise<Redis> {
    const connection = this.#to(node);
    if (connection.status !== "ready") await happened(connection, "ready", PATIENCE);
    return connection;
  }

  close(): void {
    for (const connection of this.#open.values()) connection.disconnect();
    this.#open.clear();
  }

  #connect(node: Node): Redis {
    const own = { ...OWN_CONNECTION, commandTimeout: this.#commandTimeout, lazyConnect: false };
    const client = this.#client;
    if (!isCluster(client)) {
      // The database that the client is in now; its options only know the one that it began with.
      const { select: db = client.options.db ?? 0 } = client.condition ?? {};
      return client.duplicate({ ...own, db, failoverDetector: false });
    }
    const colon = node.lastIndexOf(":");
    const { keyPrefix = "" } = client.options;
    const { replyMapping: _, ...redisOptions } = client.options.redisOptions ?? {};
    const retryStrategy = (times: number) => (times > GIVEN_UP_AFTER ? null : own.retryStrategy(times));
    const where = { host: node.slice(0, colon), port: Number(node.slice(colon + 1)) };
    return new Redis({ ...redisOptions, ...own, retryStrategy, keyPrefix, ...where });
  }
}

export function isCluster(client: Client): client is Cluster {
  return client.isCluster;
}

/**
 * The servers that hold the data: reads and walks go to them alone. A cluster's are waited for, and none is no answer:
 * whoever walks over no server at all would find that there is nothing, and whoever asks none that all is well.
 */
export async function masters(client: Client): Promise<Redis[]> {
  if (!isCluster(client)) return [client];
  await connected(client);
  const servers = client.nodes("master");
  if (servers.length === 0) throw new Error("CLUSTERDOWN no server of the cluster is known");
  return servers;
}

/** For each server that holds data a key that lies on it; `named` makes one after another, without the client's own prefix. */
export async function keyOnEach(client: Client, named: (n: number) => string): Promise<string[]> {
  if (!isCluster(client)) return [named(0)];
  await masters(client);
  const { keyPrefix = "" } = client.options;
  const servers = new Set(client.slots.flatMap(([owner]) => owner ?? []));
  const keys = new Map<Node, string>();
  for (let n = 0; keys.size < servers.size && n < KEYS_TRIED; n++) {
    const [owner] = client.slots[slotOf(keyPrefix + named(n))] ?? [];
    if (owner !== undefined && !keys.has(owner)) keys.set(owner, named(n));
  }
  if (keys.size < servers.size) throw new Error("CLUSTERDOWN a server of the cluster has hardly any slot");
  return [...keys.values()];
}

/** Waits for a client that is on its way, or was told to connect when it is first used. */
export async function connected(client: Client, patience: Millis = PATIENCE): Promise<void> {
  if (client.status === "wait") client.connect().catch(() => {});
  if (client.status !== "ready") await happened(client, "ready", patience);
}

/** What a server is called in a walk's cursor and in a cluster's table. */
export function nameOf({ options }: Redis): Node {
  return options.path ?? `${options.host}:${options.port}`;
}

/** Waits until a client is connected, for as long as `patience`. */
export function happened(client: Client, event: "ready" | "close", patience: Millis): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, patience);
    client.once(event, done);
    function done() {
      clearTimeout(timer);
      client.off(event, done);
      resolve();
    }
  });
}
