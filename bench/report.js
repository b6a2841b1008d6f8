/** The table, the file of figures, and the page in `docs/`. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { root } from "./server.js";

const begin = "<!-- bench: written by `npm run bench -- --write` -->";
const end = "<!-- bench: end -->";

/** Where and with what it was measured: figures mean nothing without it. */
export function circumstances() {
  const version = (name) => {
    const nearest = [join(import.meta.dirname, "node_modules"), join(root, "node_modules")].map((folder) =>
      join(folder, name, "package.json"),
    );
    const found = nearest.find(existsSync);
    return found ? JSON.parse(readFileSync(found, "utf8")).version : "absent";
  };
  const redis = execFileSync("redis-server", ["--version"], { encoding: "utf8" }).match(/v=(\S+)/)?.[1];
  return {
    measured: new Date().toISOString(),
    node: process.version,
    cores: `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}`,
    /** Processes that wanted a core before the run began; a busy machine measures its neighbours. */
    busy: Number(loadavg()[0]?.toFixed(1)),
    redis,
    "oidc-provider": version("oidc-provider"),
    "better-auth": version("better-auth"),
  };
}

/** The rows as a Markdown table. */
export function table(rows) {
  const line = ({ claim, what, value, goal, met }) =>
    `| ${claim} | ${what} | ${value} | ${goal} | ${met === undefined ? "" : met ? "yes" : "**no**"} |`;
  return ["| | what | measured | goal | met |", "|---|---|---|---|---|", ...rows.map(line)].join("\n");
}

/** Keeps the figures of one run; those that the page quotes are kept with the sources. @returns the path of the file */
export function keep(result, quoted) {
  const folder = join(import.meta.dirname, "results");
  mkdirSync(folder, { recursive: true });
  const name = quoted ? "quoted" : result.measured.slice(0, 19).replace(/[:T]/g, "-");
  const path = join(folder, `${name}.json`);
  writeFileSync(path, `${JSON.stringify(result, null, 2)}\n`);
  return path;
}

/** Puts the table into `docs/performance.md`, between its two marks. */
export function writePage(rows, facts, command) {
  const path = join(root, "docs/performance.md");
  const page = readFileSync(path, "utf8");
  const [before, after] = [page.indexOf(begin), page.indexOf(end)];
  if (before < 0 || after < before) throw new Error("docs/performance.md has lost the marks of its table");
  const { measured, node, cores, redis } = facts;
  const where = `Measured on ${measured.slice(0, 10)}: ${cores}, Node ${node}, Redis ${redis}, oidc-provider ${facts["oidc-provider"]}, better-auth ${facts["better-auth"]}.`;
  const section = [begin, "", `\`${command}\``, "", where, "", table(rows), "", ""].join("\n");
  writeFileSync(path, page.slice(0, before) + section + page.slice(after));
}
