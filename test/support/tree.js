import { cpSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const left = new Set([".git", ".tmp", "coverage", "data", "dist", "node_modules"]);

export function copyTree(folder) {
  cpSync(root, folder, { recursive: true, filter: (source) => !left.has(basename(source)) });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
}
