/**
 * F3, power loss, by what leads to it: the system calls say whether anything was acknowledged that was still in memory
 * only. What the disk says it has, it is believed to have.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { describe, expect, test, vi } from "vitest";
import { lmdbStore } from "../../src/store/lmdb.ts";
import { newVersion } from "../../src/store/record.ts";
import { DurableWrites } from "../../src/store/redis/durable.ts";
import { connectRedis } from "../../src/store/redis/open.ts";
import * as scripts from "../../src/store/redis/scripts.ts";
import type { Store } from "../../src/store/store.ts";
import {
  newerServers,
  type RedisServer,
  startRedis,
  startRedisOf,
  waitedFor,
  withoutRedis,
} from "../support/redis.ts";

const CHANGES = 40;
/** Each of these takes up to a second. */
const WAITED = 10;

/** Records a process's writes and syncs while `act` runs. */
async function traced(pid: number, act: () => Promise<void>): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-trace-"));
  const file = join(folder, "trace");
  const calls = "trace=write,writev,sendto,pwrite64,pwritev,fdatasync,fsync,msync";
  const tracer = spawn("strace", ["-f", "-p", String(pid), "-e", calls, "-s", "256", "-o", file], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  tracer.stderr.on("data", (text) => {
    said += text;
  });
  await vi.waitUntil(() => said.includes("attached") && existsSync(file), 10_000);
  await act();
  tracer.kill("SIGINT");
  await once(tracer, "exit");
  const lines = readFileSync(file, "utf8").split("\n");
  rmSync(folder, { recursive: true });
  return lines;
}

/** Descriptors of a process that lead to files with such a name. */
function descriptors(pid: number, name: RegExp): string[] {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return name.test(readlinkSync(`/proc/${pid}/fd/${fd}`));
    } catch {
      return false;
    }
  });
}

async function change(store: Store, kind: string, changes = CHANGES): Promise<void> {
  for (let i = 0; i < changes; i++) {
    const how = { expect: "absent", version: newVersion(), durable: true } as const;
    expect(await store.commit(`${kind}:${i}`, i, how)).toBe(true);
  }
}

/** What was written and what was synced whenever a `WAITAOF` was answered. */
async function confirmations(
  { pid = 0 }: RedisServer,
  changing: (kind: string, changes: number) => Promise<void>,
): Promise<{ written: number; synced: number }[]> {
  await changing("warm", 1);
  const [aof] = descriptors(pid, /\.incr\.aof$/);
  const lines = await traced(pid, () => changing("f3", WAITED));
  const seen = [];
  // A thread of its own syncs: what was written before it began is on the disk when it is done.
  let [written, begun, synced] = [0, 0, 0];
  for (const line of lines) {
    if (line.includes(` write(${aof}, `)) written++;
    if (line.includes(` fdatasync(${aof}`)) begun = written;
    if (/fdatasync.*= 0$/.test(line)) synced = begun;
    if (/ (write|sendto)\(\d+, ".*\*2\\r\\n:1\\r\\n:0\\r\\n"/.test(line)) seen.push({ written, synced });
  }
  expect(seen).toHaveLength(WAITED);
  return seen;
}

describe("F3 before a change is acknowledged", () => {
  test.skipIf(withoutRedis)("Redis has synced its file", async () => {
    const server = await startRedis();
    const store = await connectRedis(server.url);
    await change(store, "warm");
    const pid = server.pid as number;
    const [aof] = descriptors(pid, /\.incr\.aof$/);
    const lines = await traced(pid, () => change(store, "f3"));
    let unsynced = 0;
    let acknowledged = 0;
    for (const line of lines) {
      if (line.includes(` write(${aof}, `)) unsynced++;
      else if (line.includes(`fdatasync(${aof})`)) unsynced = 0;
      else if (/ (write|sendto)\(\d+, ":1\\r\\n"/.test(line)) {
        acknowledged++;
        expect(unsynced, line).toBe(0);
      }
    }
    expect(acknowledged).toBe(CHANGES);
    await store.close();
    await server.stop();
  });

  test.each(waitedFor)("$name, whose disk is waited for, has synced its file", async ({ program }) => {
    const server = await startRedisOf(program, "--appendfsync", "everysec");
    const store = await connectRedis(server.url, { durability: "disk" });
    const seen = await confirmations(server, (kind, changes) => change(store, kind, changes));
    for (const { synced, written } of seen) expect(synced).toBe(written);
    await store.close();
    await server.stop();
  });

  // The control. When it fails, such a server has learned to tell the truth, and may be waited for.
  const disbelieved = newerServers.filter(({ isWaitedFor }) => !isWaitedFor);
  test.each(disbelieved)("$name has not, and is therefore not asked", async ({ program }) => {
    const server = await startRedisOf(program, "--appendfsync", "everysec");
    const client = new Redis(server.url);
    const writes = new DurableWrites(client, "disk");
    const seen = await confirmations(server, async (kind, changes) => {
      for (let i = 0; i < changes; i++)
        await writes.run(scripts.commit, `${kind}:${i}`, ["absent", newVersion(), "1", ""]);
    });
    expect(seen.some(({ synced, written }) => synced < written)).toBe(true);
    writes.close();
    client.disconnect();
    await server.stop();
  });

  test("LMDB has synced its file, once for each change that came alone", async () => {
    const path = mkdtempSync(join(tmpdir(), "latchkey-lmdb-"));
    const store = lmdbStore(path);
    await change(store, "warm");
    const lines = await traced(process.pid, () => change(store, "f3"));
    const synced = lines.filter((line) =>
      /(fdatasync|fsync|msync)\(.*= 0|(fdatasync|fsync|msync) resumed.*= 0/.test(line),
    );
    expect(synced.length).toBeGreaterThanOrEqual(CHANGES);
    await store.close();
    rmSync(path, { recursive: true });
  });
});
