/** What would be published: everything that `package.json` promises, and nothing of the workshop. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
let packed: string[] = [];

beforeAll(() => {
  const args = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const { stdout, stderr } = spawnSync("npm", args, { cwd: root, encoding: "utf8" });
  if (!stdout.startsWith("[")) throw new Error(stderr);
  packed = JSON.parse(stdout)[0].files.map((file: { path: string }) => file.path);
});

test("every program, export and type that package.json names is in the package", () => {
  const exported = Object.values<string | Record<string, string>>(manifest.exports).flatMap((to) =>
    typeof to === "string" ? [to] : Object.values(to),
  );
  const promised = [...exported, ...Object.values<string>(manifest.bin)].map((path) =>
    path.replace("./", ""),
  );
  expect(promised.length).toBeGreaterThan(10);
  expect(promised.filter((path) => !packed.includes(path))).toEqual([]);
});

test("pages, the client script and the licence are in it; sources, tests and data are not", () => {
  for (const file of ["dist/browser/latchkey.js", "LICENSE", "README.md"]) expect(packed).toContain(file);
  expect(packed.some((path) => path.startsWith("views/") && path.endsWith(".eta"))).toBe(true);
  expect(packed.filter((path) => /^(src|test|bench|data|docs|secrets|\.ci)\//.test(path))).toEqual([]);
  expect(packed.filter((path) => /\.tsbuildinfo$|\.built$|(^|\/)secret/.test(path))).toEqual([]);
});

test("whose work is packed with the program is named there, with its licence", () => {
  const path = "dist/program/NOTICES.txt";
  expect(packed).toContain(path);
  const notices = readFileSync(join(root, path), "utf8");
  for (const name of ["commander", "ioredis", "zod", "denque"])
    expect(notices).toMatch(new RegExp(`^${name} \\d+\\.\\d+`, "m"));
  expect(notices.match(/Permission is hereby granted/g)?.length).toBeGreaterThan(3);
  expect(notices).not.toMatch(/^oidc-provider /m);
});

test("each export loads by its name, without what it does not need", () => {
  const names = Object.keys(manifest.exports).filter((name) => name !== "./package.json");
  for (const name of names) {
    const specifier = name.replace(/^\./, manifest.name);
    const program = `const loaded = await import(${JSON.stringify(specifier)}); process.exit(Object.keys(loaded).length ? 0 : 1);`;
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      cwd: root,
    });
    expect(status, `${specifier}: ${stderr}`).toBe(0);
  }
});

test("the lock file names every optional package, so that npm ci works on every platform, and no download address", () => {
  const text = readFileSync(join(root, "package-lock.json"), "utf8");
  const packages: Record<string, { optionalDependencies?: Record<string, string> }> =
    JSON.parse(text).packages;
  const missing = Object.entries(packages).flatMap(([at, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`node_modules/${name}` in packages) && !(`${at}/node_modules/${name}` in packages),
    ),
  );
  expect(missing).toEqual([]);
  expect(text).not.toMatch(/"resolved": "https?:/);
});
