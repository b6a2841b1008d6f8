/** What a run must not leave behind however it ends: its processes and its folders. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const children = new Set();
const folders = new Set();

process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

/** A temporary folder, gone when this process is. */
export function scratchFolder() {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  folders.add(folder);
  return folder;
}

/** A child process that does not outlive this one. */
export function own(child) {
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}
