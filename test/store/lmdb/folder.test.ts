/** Where an embedded store may be: in a folder that can be made, and nowhere else, said in a sentence. */
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { isRefusal } from "../../../src/errors.ts";
import { lmdbStore } from "../../../src/store/lmdb.ts";

const folder = mkdtempSync(join(tmpdir(), "latchkey-folder-"));
afterAll(() => rmSync(folder, { recursive: true }));

it("makes the folder and those above it, for its owner only", async () => {
  const path = join(folder, "a/b/c");
  await lmdbStore(path).close();
  expect(statSync(path).mode & 0o777).toBe(0o700);
});

it.each([
  ["a file", () => join(folder, "file")],
  ["a folder in a file", () => join(folder, "file/data")],
  ["a folder where none can be made", () => "/proc/latchkey/data"],
])("refuses %s, and says what to do", (_title, path) => {
  writeFileSync(join(folder, "file"), "");
  let refusal: unknown;
  try {
    lmdbStore(path());
  } catch (error) {
    refusal = error;
  }
  expect(isRefusal(refusal, "store_refused")).toBe(true);
  expect(String(refusal)).toContain("LATCHKEY_STORE");
  expect(existsSync("/proc/latchkey")).toBe(false);
});
