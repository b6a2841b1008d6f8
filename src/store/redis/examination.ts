/** Redis laid open: every key of its database, whoever wrote it, and the files on this machine that it keeps. */
import { accessSync, constants, existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { BATCH } from "../limits.ts";
import type { Examination, Millis, Piece } from "../store.ts";
import { type Client, masters, nameOf } from "./connections.ts";
import { unavailable } from "./link.ts";

const ASK_AGAIN: Millis = 100;
/** A rewrite that takes longer has failed. */
const PATIENCE: Millis = 10 * 60_000;

export function redisExamination(client: Client): Examination {
  return {
    async *everything() {
      for (const server of await masters(client)) yield* pieces(server);
    },
    async files() {
      const found = await Promise.all((await masters(client)).map(filesOf));
      return [...new Set(found.flat())];
    },
    async rewrite() {
      for (const server of await masters(client)) await rewrite(server).catch(rethrow);
    },
  };
}

async function* pieces(server: Redis): AsyncGenerator<Piece> {
  let cursor = "0";
  do {
    const [next, keys] = await server.scanBuffer(cursor, "COUNT", String(BATCH));
    cursor = String(next);
    for (const key of keys) {
      const bytes = Buffer.concat([key, Buffer.of(10), ...(await valuesOf(server, key))]);
      yield { place: `${nameOf(server)} ${key.toString().replace(/[^\x20-\x7e]+/g, "")}`, bytes };
    }
  } while (cursor !== "0");
}

/** What stands under a key, in parts; of a type that is not ours, as Redis would dump it. */
async function valuesOf(server: Redis, key: Buffer): Promise<Buffer[]> {
  switch (await server.type(key)) {
    case "string":
      return parts(await server.getBuffer(key));
    case "zset":
      return parts(await server.zrangeBuffer(key, "0", "-1"));
    case "set":
      return parts(await server.smembersBuffer(key));
    case "list":
      return parts(await server.lrangeBuffer(key, 0, -1));
    case "hash":
      return parts(Object.entries(await server.hgetallBuffer(key)).flat());
    case "stream":
      return parts((await server.xrangeBuffer(key, "-", "+")).flat(3));
    default:
      return parts(await server.dumpBuffer(key));
  }
}

function parts(value: unknown): Buffer[] {
  const all = Array.isArray(value) ? value : value === null ? [] : [value];
  return all.flatMap((part) => [Buffer.isBuffer(part) ? part : Buffer.from(String(part)), Buffer.of(10)]);
}

/** Dumps and append-only files, where they are on this machine and may be read. */
async function filesOf(server: Redis): Promise<string[]> {
  const setting = async (name: string) => ((await server.config("GET", name)) as string[])[1] ?? "";
  try {
    const folder = await setting("dir");
    const names = await Promise.all(["dbfilename", "appendfilename", "appenddirname"].map(setting));
    return names.filter(Boolean).flatMap((name) => readable(join(folder, name)));
  } catch {
    // Where the settings may not be asked for, the operator names the files.
    return [];
  }
}

function readable(path: string): string[] {
  if (!existsSync(path)) return [];
  if (statSync(path).isDirectory()) return readdirSync(path).flatMap((name) => readable(join(path, name)));
  try {
    accessSync(path, constants.R_OK);
    return [path];
  } catch {
    return [];
  }
}

/** The append-only file without what was removed, and a dump, where there is one, of what there is now. */
async function rewrite(server: Redis): Promise<void> {
  const info = await infoOf(server);
  const dumps = ((await server.config("GET", "save").catch(() => [])) as string[])[1] ?? "";
  if (info.get("aof_enabled") === "1") {
    await server.bgrewriteaof();
    await settled(server, "aof_rewrite_in_progress", "aof_rewrite_scheduled");
  }
  if (dumps === "" && !(await filesOf(server)).some((path) => path.endsWith(".rdb"))) return;
  await server.bgsave("SCHEDULE");
  await settled(server, "rdb_bgsave_in_progress");
}

async function settled(server: Redis, ...flags: string[]): Promise<void> {
  const until = performance.now() + PATIENCE;
  for (;;) {
    const info = await infoOf(server);
    if (flags.every((flag) => info.get(flag) !== "1") || performance.now() > until) return;
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN));
  }
}

async function infoOf(server: Redis): Promise<Map<string, string>> {
  const lines = (await server.info("persistence")).split("\r\n");
  return new Map(lines.map((line) => line.split(":") as [string, string]));
}

function rethrow(error: unknown): never {
  throw unavailable(error);
}
