/** Which route an address is. A few dozen addresses of fixed shape need no patterns, and each request comes by here. */

/** What was found: the routes of an address, and what stands in it for each `:name`. */
export interface Found<T> {
  /** By method, in upper case. */
  methods: ReadonlyMap<string, T>;
  params: Record<string, string>;
}

interface Address<T> {
  /** A part in lower case, or the name of a parameter behind its colon. */
  parts: readonly string[];
  methods: Map<string, T>;
}

/**
 * Finds routes by address: parts in any case but for the first, a slash at the end or none; the first address that fits
 * counts. A GET answers HEAD too.
 *
 * @example
 * ```ts
 * const find = finder([["get", "/setup/:token", show]]);
 * find("/setup/x")?.params.token === "x"; // true
 * ```
 */
export function finder<T>(
  routes: Iterable<readonly [method: "get" | "post", path: string, route: T]>,
): (path: string) => Found<T> | undefined {
  const byFirst = new Map<string, Address<T>[]>();
  for (const [method, path, route] of routes) {
    const parts = partsOf(path);
    const addresses = byFirst.get(parts[0] ?? "") ?? [];
    byFirst.set(parts[0] ?? "", addresses);
    const { methods } =
      addresses.find((known) => known.parts.join("/") === parts.join("/")) ?? add(addresses, parts);
    // The one that came first would never be asked, and nobody would notice.
    if (methods.has(method.toUpperCase())) throw new TypeError(`two routes answer ${method} ${path}`);
    methods.set(method.toUpperCase(), route);
    if (method === "get") methods.set("HEAD", route);
  }
  return (path) => {
    const parts = partsOf(path);
    for (const { parts: wanted, methods } of byFirst.get(parts[0] ?? "") ?? []) {
      const params = paramsOf(wanted, parts);
      if (params) return { methods, params };
    }
    return undefined;
  };
}

function add<T>(addresses: Address<T>[], parts: readonly string[]): Address<T> {
  const address: Address<T> = { parts, methods: new Map() };
  addresses.push(address);
  return address;
}

function partsOf(path: string): string[] {
  const parts = path.split("/");
  parts.shift();
  if (parts.length > 1 && parts.at(-1) === "") parts.pop();
  return parts;
}

function paramsOf(wanted: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  if (wanted.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, name] of wanted.entries()) {
    const part = parts[at] ?? "";
    if (name.startsWith(":")) {
      if (part === "") return undefined;
      params[name.slice(1)] = decoded(part);
    } else if (name !== part && name.toLowerCase() !== part.toLowerCase()) return undefined;
  }
  return params;
}

/** A part with a broken escape stands for itself. */
function decoded(part: string): string {
  if (!part.includes("%")) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
