/**
 * The address of a Redis: one server, a set that Sentinel watches, or a cluster.
 *
 *   redis://[user:pass@]host[:port][/db]
 *   redis+sentinel://[user:pass@]host[:port],…/master-name[/db]
 *   redis+cluster://[user:pass@]host[:port],…
 *
 * `rediss` in the place of `redis` is the same over TLS. What else there is to say stands behind a question mark.
 */
import { readFileSync } from "node:fs";
import { refuse } from "../../errors.ts";

export interface RedisAddress {
  topology: "single" | "sentinel" | "cluster";
  hosts: { host: string; port: number }[];
  /** What Sentinel calls the set of servers. */
  master?: string;
  db: number;
  username?: string;
  password?: string;
  sentinelUsername?: string;
  sentinelPassword?: string;
  tls?: Tls;
  /** Begins every key. */
  prefix?: string;
  /** How many replicas must have a durable write. */
  replicas?: number;
}

/** PEM, read from the files that the address names; what is not said is what Node.js trusts. */
export interface Tls {
  ca?: string;
  cert?: string;
  key?: string;
  servername?: string;
}

const FORM =
  /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^/?#]*)@)?([^@/?#]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/;
const HOST = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/;
const PORTS = { single: 6379, sentinel: 26_379, cluster: 6379 };
const FORMS =
  "`redis://host:port/db`, `redis+sentinel://h1:p,h2:p/master-name` or `redis+cluster://h1:p,h2:p`, " +
  "with `rediss` in the place of `redis` for TLS";
const PARAMETERS = [
  "ca",
  "cert",
  "key",
  "servername",
  "prefix",
  "replicas",
  "sentinelUsername",
  "sentinelPassword",
];

/** Takes an address apart. @throws `store_refused`, without quoting the address: it may hold a password. */
export function parseRedisAddress(url: string): RedisAddress {
  const [whole, scheme, kind = "single", user, authority = "", path = "", query = ""] = FORM.exec(url) ?? [];
  if (whole === undefined) throw wrong("expected redis://host:port/db");
  const topology = kind as RedisAddress["topology"];
  const hosts = authority.split(",").map((host) => parseHost(host, PORTS[topology]));
  if (topology === "single" && hosts.length > 1)
    throw wrong("several hosts need redis+sentinel:// or redis+cluster://");
  const parameters = parseQuery(query);
  const secure = scheme === "rediss";
  const { ca, cert, key, servername, replicas, ...rest } = parameters;
  if (!secure && (ca ?? cert ?? key ?? servername) !== undefined)
    throw wrong("ca, cert, key and servername need rediss://");
  if ((cert === undefined) !== (key === undefined)) throw wrong("cert and key need each other");
  return {
    topology,
    hosts,
    ...parsePath(topology, path),
    ...parseUser(user),
    ...rest,
    ...(secure ? { tls: readTls({ ca, cert, key, servername }) } : {}),
    ...(replicas === undefined ? {} : { replicas: count(replicas) }),
  };
}

function parseHost(text: string, port: number): { host: string; port: number } {
  const [, six, name, digits] = HOST.exec(text) ?? [];
  const host = six ?? name;
  if (host === undefined) throw wrong("expected host or host:port, several with commas");
  return { host, port: digits === undefined ? port : Number(digits) };
}

function parseUser(text: string | undefined): { username?: string; password?: string } {
  if (text === undefined || text === "") return {};
  const [name = "", password] = text.split(/:(.*)/s).map(decoded);
  return { ...(name ? { username: name } : {}), ...(password ? { password } : {}) };
}

function parsePath(topology: RedisAddress["topology"], path: string): { db: number; master?: string } {
  const [master = "", db = ""] = topology === "sentinel" ? path.split(/\/(.*)/s) : ["-", path];
  if (!/^[A-Za-z0-9._-]+$/.test(master)) throw wrong("expected the master's name: /master-name[/db]");
  if (!/^\d{0,4}$/.test(db)) throw wrong("expected a database number");
  if (topology === "cluster" && Number(db) !== 0) throw wrong("a cluster has no database but 0");
  return { db: Number(db), ...(topology === "sentinel" ? { master } : {}) };
}

function parseQuery(query: string): Partial<Record<string, string>> {
  const pairs = [...new URLSearchParams(query)];
  const unknown = pairs.find(([name]) => !PARAMETERS.includes(name));
  if (unknown) throw wrong(`behind the question mark there may be ${PARAMETERS.join(", ")}`);
  return Object.fromEntries(pairs.filter(([, value]) => value !== ""));
}

function readTls(files: { [K in keyof Tls]: string | undefined }): Tls {
  const { servername } = files;
  const contents = (["ca", "cert", "key"] as const).flatMap((name) => {
    const path = files[name];
    return path === undefined ? [] : [[name, readPem(name, path)] as const];
  });
  return { ...Object.fromEntries(contents), ...(servername ? { servername } : {}) };
}

function readPem(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw wrong(`${name}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function count(text: string): number {
  if (!/^[1-9]\d?$/.test(text)) throw wrong("replicas: expected a number from 1 to 99");
  return Number(text);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong("user and password are percent-encoded");
  }
}

function wrong(words: string) {
  return refuse("store_refused", { detail: `The address of Redis: ${words}. Use ${FORMS}.` });
}
