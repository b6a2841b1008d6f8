/** `build.js` builds when it must, and only then. */
import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { copyTree } from "./support/tree.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "latchkey-build-"));
const stamp = join(folder, "dist/.built");
const lock = join(folder, "node_modules/.package-lock.json");

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Packages are shared with the tree the test runs in; when they were installed is the copy's own. */
function copy() {
  copyTree(folder);
  unlinkSync(join(folder, "node_modules"));
  mkdirSync(join(folder, "node_modules"));
  for (const name of readdirSync(join(root, "node_modules")).filter((name) => name !== ".package-lock.json"))
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  writeFileSync(lock, "{}");
}

/** Runs it; gives when the last build began. */
function build(): number {
  const { status, stderr, stdout } = spawnSync(process.execPath, ["build.js"], {
    cwd: folder,
    encoding: "utf8",
  });
  expect(status, stdout + stderr).toBe(0);
  return statSync(stamp).mtimeMs;
}

test("the program is built anew when packages were installed since, for some are packed into it", () => {
  copy();
  const first = build();
  expect(build()).toBe(first);
  const later = new Date(Date.now() + 1000);
  utimesSync(lock, later, later);
  expect(build()).toBeGreaterThan(first);
}, 120_000);
