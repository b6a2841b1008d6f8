/** Every byte of a store, for tests that search it. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import type { OpenStore } from "./stores.ts";

/** What the store has on disk or would hand out, freed pages and logs of commands included. */
export async function everythingStored({ server, url }: OpenStore): Promise<Buffer> {
  const folder = server?.folder ?? url.slice("lmdb:".length);
  const files = readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path));
  if (!server) return Buffer.concat(files);
  const redis = new Redis(url);
  // Compressed, a value would hide from the search.
  await redis.config("SET", "rdbcompression", "no");
  const keys = await redis.keys("*");
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
  await redis.quit();
  return Buffer.concat([...files, Buffer.from(keys.join("\n")), ...dumps]);
}
