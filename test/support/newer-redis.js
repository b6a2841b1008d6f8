/**
 * Servers of 7.2 or newer, Redis and Valkey, beside the machine's own redis-server, which may be older. They are what
 * `LATCHKEY_TEST_NEWER_REDIS` names (several with commas), or else what lies on the PATH and what `npm test` brought.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findProgram } from "./programs.js";

/** Where `npm test` unpacks them. */
export const BROUGHT = fileURLToPath(
  new URL("../../node_modules/.cache/latchkey-newer-redis/", import.meta.url),
);

/** At most one of each product: its name with its version, its program, and whether it can be waited for. */
export function newerServers(env = process.env) {
  const named = env.LATCHKEY_TEST_NEWER_REDIS;
  const places = named
    ? named.split(",")
    : ["redis-server", "valkey-server"].flatMap((name) => placesOf(name, env));
  const found = places.map((place) => identified(place));
  if (named && found.includes(undefined))
    throw new Error(`LATCHKEY_TEST_NEWER_REDIS: ${named} is to name Redis or Valkey of 7.2 or newer.`);
  const known = found.filter((server) => server !== undefined);
  return known.filter(({ product }, i) => known.findIndex((other) => other.product === product) === i);
}

function placesOf(name, env) {
  const brought = join(BROUGHT, name);
  return [findProgram([name], env), existsSync(brought) ? brought : undefined].filter(
    (place) => place !== undefined,
  );
}

function identified(program) {
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  const [, product, version = ""] = /^(Redis|Valkey) server v=(\S+)/.exec(stdout ?? "") ?? [];
  const [major, minor] = version.split(".").map(Number);
  if (product === undefined || major < 7 || (major === 7 && minor < 2)) return undefined;
  return { product, name: `${product} ${version}`, program, isWaitedFor: product === "Redis" && major >= 8 };
}
