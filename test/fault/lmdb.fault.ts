/** F19: the embedded store, killed in the midst of writes, full, read-only, torn, and held open by a stuck reader. */
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { lmdbStore } from "../../src/store/lmdb.ts";
import { entries } from "../../src/testing/contract/check.ts";
import { startJournal } from "../support/journal.ts";
import { type Program, startProgram } from "../support/program.ts";

const cache = fileURLToPath(
  new URL(`../../node_modules/.cache/latchkey-f19-${process.pid}/`, import.meta.url),
);
const script = `${cache}contender.mjs`;
const folder = () => mkdtempSync(join(tmpdir(), "latchkey-lmdb-"));

beforeAll(async () => {
  await mkdir(cache, { recursive: true });
  await build({
    entryPoints: [fileURLToPath(new URL("../support/contender.ts", import.meta.url))],
    outfile: script,
    bundle: true,
    format: "esm",
    platform: "node",
    packages: "external",
  });
});
afterAll(() => rm(cache, { recursive: true, force: true }));

const journal = (path: string, name: string) =>
  startProgram(process.execPath, [script, "journal", `lmdb:${path}`, name]);

/** The keys that a writer says were acknowledged; its last line may be cut. */
const acknowledgedBy = ({ stdout }: Program, name: string) =>
  stdout.filter((line) => / \S{16}$/.test(line)).map((line) => `journal:${name}-${line.split(" ")[0]}`);

describe("F19 an embedded store", () => {
  test("whose two writers are killed two hundred times opens each time and has all that was acknowledged", async () => {
    const path = folder();
    const all: string[] = [];
    for (let round = 0; round < 100; round++) {
      const names = [`a${round}`, `b${round}`];
      const writers = names.map((name) => journal(path, name));
      await Promise.all(
        writers.map((writer) => writer.line((line) => (line.startsWith("3 ") ? line : undefined))),
      );
      for (const writer of writers) writer.signal("SIGKILL");
      await Promise.all(writers.map(({ ended }) => ended));
      all.push(...writers.flatMap((writer, i) => acknowledgedBy(writer, names[i] as string)));
    }
    const store = lmdbStore(path);
    const kept = await entries(store.scan("journal"));
    expect(all.filter((key) => !kept.has(key))).toEqual([]);
    process.stdout.write(`F19: 200 kills, ${all.length} acknowledged, 0 lost\n`);
    await store.close();
    rmSync(path, { recursive: true });
  }, 600_000);

  test("that other processes open while it is written to loses nothing by it, however long they take", async () => {
    const path = folder();
    const writer = journal(path, "open");
    await writer.line((line) => (line.startsWith("3 ") ? line : undefined));
    for (let round = 0; round < 5; round++) {
      // What an opening reads of the file comes late, and much has been committed since.
      const slowly = ["-f", "-o", "/dev/null", "-e", "inject=pread64:delay_exit=20000"];
      const opener = startProgram("strace", [
        ...slowly,
        process.execPath,
        ...["--input-type=module", "-e", reader(path)],
      ]);
      expect(await opener.ended, opener.said()).toBe(0);
      expect(opener.said()).toMatch(/^read \d+/m);
    }
    const before = acknowledgedBy(writer, "open").length;
    await vi.waitUntil(() => acknowledgedBy(writer, "open").length > before, { timeout: 30_000 });
    writer.signal("SIGKILL");
    expect(await writer.ended).toBe("SIGKILL");
    const store = lmdbStore(path);
    const kept = await entries(store.scan("journal"));
    expect(acknowledgedBy(writer, "open").filter((key) => !kept.has(key))).toEqual([]);
    await store.close();
    rmSync(path, { recursive: true });
  });

  test("on a full disk refuses what it cannot keep, reads on, and goes on when there is room", async () => {
    const path = folder();
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", path], { encoding: "utf8" });
    expect(mounted.status, `F19 needs the right to mount: ${mounted.stderr}`).toBe(0);
    const restore = ignoringRejections();
    const store = lmdbStore(join(path, "data"));
    const kept = startJournal(store, 4);
    await kept.more(50);
    await kept.stop();
    try {
      writeFileSync(join(path, "filler"), Buffer.alloc(4 * 1024 * 1024));
    } catch {
      // That is what was wanted.
    }
    const write = (i: number) => store.write(`fill:${i}`, "x".repeat(50_000));
    let refusal: unknown;
    for (let i = 0; i < 60 && refusal === undefined; i++)
      refusal = await write(i).then(
        () => undefined,
        (e) => e,
      );
    expect(refusal).toMatchObject({ status: 503 });
    expect(await kept.lost(store)).toEqual([]);
    rmSync(join(path, "filler"));
    await expect
      .poll(
        () =>
          write(99).then(
            () => true,
            () => false,
          ),
        { timeout: 10_000 },
      )
      .toBe(true);
    await store.close();
    restore();
    spawnSync("umount", [path]);
    rmSync(path, { recursive: true });
  });

  test("whose file was cut off or is foreign is refused or read, and never crashes the process", async () => {
    const path = folder();
    const store = lmdbStore(path);
    const kept = startJournal(store, 4);
    await kept.more(300);
    await kept.stop();
    await store.close();
    const size = statSync(join(path, "data.mdb")).size;
    for (const cut of [1, 4096, 4097, size - 8192, size - 100]) {
      const copy = folder();
      copyFileSync(join(path, "data.mdb"), join(copy, "data.mdb"));
      truncateSync(join(copy, "data.mdb"), size - cut);
      // In a process of its own: what LMDB maps beyond the end of a file would take this one along.
      const { signal, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", reader(copy)], {
        encoding: "utf8",
      });
      expect({ cut, signal, said: /^(refused|read \d+)/.exec(stdout)?.[0] }).toMatchObject({
        signal: null,
        said: expect.any(String),
      });
      rmSync(copy, { recursive: true });
    }
    rmSync(path, { recursive: true });
  });

  test("that may not be written is refused, with the folder named", async () => {
    const path = folder();
    await lmdbStore(path).close();
    chmodSync(join(path, "data.mdb"), 0o400);
    // The superuser may write all the same.
    const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", process.execPath];
    const [command = "", ...args] = process.getuid?.() === 0 ? asNobody : [process.execPath];
    const { stdout, signal } = spawnSync(command, [...args, "--input-type=module", "-e", reader(path)], {
      encoding: "utf8",
    });
    expect(signal).toBeNull();
    expect(stdout).toMatch(/^refused/);
    rmSync(path, { recursive: true });
  });

  test("with a reader that is stuck goes on, and does not grow without end once it is gone", async () => {
    const path = folder();
    const store = lmdbStore(path);
    for (let i = 0; i < 20; i++) await store.write(`kind:${i}`, "x".repeat(20_000));
    const stuck = startProgram(process.execPath, ["--input-type=module", "-e", holder(path)]);
    await stuck.line((line) => (line === "holding" ? line : undefined));
    stuck.signal("SIGSTOP");
    const rewrite = async (times: number) => {
      for (let i = 0; i < times; i++) await store.write(`kind:${i % 20}`, `${i}`.padEnd(20_000));
    };
    await rewrite(300);
    stuck.signal("SIGKILL");
    await stuck.ended;
    await store.sweep();
    await rewrite(300);
    const size = statSync(join(path, "data.mdb")).size;
    await rewrite(600);
    expect(statSync(join(path, "data.mdb")).size).toBe(size);
    await store.close();
    rmSync(path, { recursive: true });
  });
});

/** LMDB leaves promises behind that nobody waits for; a server logs them and lives on. */
function ignoringRejections(): () => void {
  const listeners = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection").on("unhandledRejection", () => {});
  return () => {
    process.removeAllListeners("unhandledRejection");
    for (const listener of listeners) process.on("unhandledRejection", listener);
  };
}

const dist = new URL("../../dist/store/lmdb.js", import.meta.url).href;

/** A program that opens the folder and reads all there is. */
const reader = (path: string) => `
  import { lmdbStore } from ${JSON.stringify(dist)};
  try {
    const store = lmdbStore(${JSON.stringify(path)});
    let n = 0;
    for await (const { entries } of store.scan("journal")) n += entries.length;
    console.log("read " + n);
    await store.close();
  } catch (error) { console.log("refused " + error.code); }
  process.exit(0);`;

/** A program that opens the folder, reads, and keeps the snapshot that it read. */
const holder = (path: string) => `
  import { open } from ${JSON.stringify(import.meta.resolve("lmdb"))};
  const db = open({ path: ${JSON.stringify(path)}, encoding: "string", keyEncoding: "binary", noSubdir: false });
  const held = db.useReadTransaction();
  [...db.getKeys({ transaction: held, limit: 1 })];
  console.log("holding");
  setInterval(() => {}, 1000);`;
