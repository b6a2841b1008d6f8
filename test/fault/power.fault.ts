/**
 * F3, power loss, by what leads to it: the system calls say whether anything was acknowledged that was still in memory
 * only. What the disk says it has, it is believed to have.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { lmdbStore } from "../../src/store/lmdb.ts";
import { newVersion } from "../../src/store/record.ts";
import { connectRedis } from "../../src/store/redis/open.ts";
import type { Store } from "../../src/store/store.ts";
import { startRedis, withoutRedis } from "../support/redis.ts";

const CHANGES = 40;

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

async function change(store: Store, kind: string): Promise<void> {
  for (let i = 0; i < CHANGES; i++) {
    const how = { expect: "absent", version: newVersion(), durable: true } as const;
    expect(await store.commit(`${kind}:${i}`, i, how)).toBe(true);
  }
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
