/** The addresses a store can have, as `LATCHKEY_STORE` writes them. The driver reads the same ones. */

const FORMS =
  "lmdb:<folder>, redis://host:port/db, redis+sentinel://h1:p,h2:p/master, redis+cluster://h1:p,h2:p, or rediss in the place of redis";
const REDIS = /^rediss?(\+sentinel|\+cluster)?$/;
const HOST = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/;
const TLS = ["ca", "cert", "key", "servername"];
const PARAMETERS = [...TLS, "prefix", "replicas", "sentinelUsername", "sentinelPassword"];

/** What is wrong with an address, or `undefined`. Never quotes it: it may hold a password. */
export function storeProblem(store: string): string | undefined {
  const [scheme = "", rest = ""] = split(store, ":");
  if (scheme === "lmdb") return lmdbProblem(rest);
  if (!REDIS.test(scheme)) return `expected one of ${FORMS}`;
  if (!rest.startsWith("//")) return `expected ${scheme}://…`;
  const [address, query] = split(rest.slice(2), "?");
  const [authority, path] = split(address, "/");
  return hostsProblem(scheme, authority) ?? pathProblem(scheme, path) ?? queryProblem(scheme, query);
}

/** A set or a cluster of servers: what is acknowledged there can be asked of its replicas. */
export function hasReplicas(store: string): boolean {
  return /^rediss?\+/.test(store);
}

function hostsProblem(scheme: string, authority: string): string | undefined {
  const hosts = authority.slice(authority.lastIndexOf("@") + 1).split(",");
  if (!hosts.every((host) => HOST.test(host)))
    return `${scheme}: expected host or host:port, several with commas`;
  if (!scheme.includes("+") && hosts.length > 1)
    return "several hosts need redis+sentinel:// or redis+cluster://";
  return undefined;
}

function pathProblem(scheme: string, path: string): string | undefined {
  if (scheme.endsWith("+sentinel")) {
    return /^[A-Za-z0-9._-]+(\/\d{1,4})?$/.test(path)
      ? undefined
      : "expected the master's name after the hosts: /master-name[/db]";
  }
  const shape = scheme.endsWith("+cluster") ? /^0?$/ : /^(\d{1,4})?$/;
  return shape.test(path) ? undefined : "expected a database number after the host";
}

function queryProblem(scheme: string, query: string): string | undefined {
  const names = [...new URLSearchParams(query)].map(([name]) => name);
  if (!names.every((name) => PARAMETERS.includes(name)))
    return `behind the question mark there may be ${PARAMETERS.join(", ")}`;
  if (!scheme.startsWith("rediss") && names.some((name) => TLS.includes(name)))
    return "ca, cert, key and servername need rediss://";
  if (names.includes("cert") !== names.includes("key")) return "cert and key need each other";
  return undefined;
}

function lmdbProblem(folder: string): string | undefined {
  if (folder === "" || folder.includes("\0")) return "expected a folder after lmdb:, for example lmdb:./data";
  return undefined;
}

function split(text: string, at: string): [string, string] {
  const index = text.indexOf(at);
  return index < 0 ? [text, ""] : [text.slice(0, index), text.slice(index + 1)];
}
