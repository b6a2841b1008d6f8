/**
 * Rewrites the generated tables of the documentation from the sources they describe: run `node docs/generate.js`
 * after `node build.js`; `--check` only tells whether a page is stale (exit code 1).
 *
 * A table stands between `<!-- settings -->` and `<!-- /settings -->`; the same goes for `errors` and `metrics`.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { settingsTable } from "../dist/config/describe.js";
import { errorTable } from "../dist/errors.js";
import { metricsTable } from "../dist/metrics/definitions.js";

const root = fileURLToPath(new URL("..", import.meta.url));

const tables = {
  settings: settingsTable(),
  metrics: metricsTable(),
  errors: [
    "| code | status | title |",
    "|---|---|---|",
    ...errorTable().map(({ code, status, title }) => `| \`${code}\` | ${status} | ${title} |`),
    "",
  ].join("\n"),
};

/** The page with every region it has filled in anew. */
function filled(page) {
  return Object.entries(tables).reduce((text, [name, table]) => {
    const region = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`, "g");
    return text.replace(region, (_, open, close) => `${open}\n${table}\n${close}`);
  }, page);
}

const pages = ["README.md", "docs/errors.md", "docs/operations.md"]
  .map((page) => `${root}${page}`)
  .filter((page) => existsSync(page));
const stale = pages.filter((page) => filled(readFileSync(page, "utf8")) !== readFileSync(page, "utf8"));

if (process.argv.includes("--check")) {
  for (const page of stale) console.error(`${page} is stale: run node docs/generate.js`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  for (const page of stale) writeFileSync(page, filled(readFileSync(page, "utf8")));
}
