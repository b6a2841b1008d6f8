/** The addresses a store can have, as `LATCHKEY_STORE` writes them. */

const FORMS =
  "lmdb:<folder>, redis://host:port/db, rediss://…, redis+sentinel://h1:p,h2:p/master, redis+cluster://h1:p,h2:p";
const HOST = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/;

/** What is wrong with an address, or `undefined`. Never quotes it: it may hold a password. */
export function storeProblem(store: string): string | undefined {
  const [scheme = "", rest = ""] = split(store, ":");
  if (scheme === "lmdb") return lmdbProblem(rest);
  if (!/^(redis|rediss|redis\+sentinel|redis\+cluster)$/.test(scheme)) return `expected one of ${FORMS}`;
  if (!rest.startsWith("//")) return `expected ${scheme}://…`;
  const [authority, path] = split(rest.slice(2), "/");
  const hosts = authority.slice(authority.lastIndexOf("@") + 1).split(",");
  if (!hosts.every((host) => HOST.test(host)))
    return `${scheme}: expected host or host:port, several with commas`;
  const single = scheme === "redis" || scheme === "rediss";
  if (single && hosts.length > 1) return "several hosts need redis+sentinel:// or redis+cluster://";
  const shape = single
    ? /^(\d{1,4})?$/
    : scheme === "redis+cluster"
      ? /^0?$/
      : /^[A-Za-z0-9._-]+(\/\d{1,4})?$/;
  if (shape.test(path)) return undefined;
  return scheme === "redis+sentinel"
    ? "expected the master's name after the hosts: /master-name[/db]"
    : "expected a database number after the host";
}

function lmdbProblem(folder: string): string | undefined {
  if (folder === "" || folder.includes("\0")) return "expected a folder after lmdb:, for example lmdb:./data";
  return undefined;
}

function split(text: string, at: string): [string, string] {
  const index = text.indexOf(at);
  return index < 0 ? [text, ""] : [text.slice(0, index), text.slice(index + 1)];
}
