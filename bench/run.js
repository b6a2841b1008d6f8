/**
 * `npm run bench [-- claim… --quick --rounds N --write]`: measures the claims (all of p1 p2 p3 p7 p8, or those named;
 * `refusals` runs only when it is), prints the table, keeps the figures in `bench/results/`. Ends with 1 when a goal is missed or a run does not
 * count. `--quick` is for looking, not for quoting; `--write` puts the table into `docs/performance.md`.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "./server.js";

const full = { rounds: 7, warm: 4000, cpu: 1000, accounts: 500, walks: 5, memory: 10_000, samples: 200 };
const quick = { rounds: 3, warm: 100, cpu: 200, accounts: 20, walks: 2, memory: 500, samples: 30 };
const usual = ["p1", "p2", "p3", "p7", "p8"];
/** A refusal takes a quarter of a second, and a rank test wants many. */
const known = [...usual, "refusals"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    rounds: { type: "string" },
  },
});
const names = (positionals.length ? positionals : usual).map((name) => name.toLowerCase());
const unknown = names.filter((name) => !known.includes(name));
if (unknown.length) {
  console.error(`Unknown claim: ${unknown.join(", ")}. There are: ${known.join(", ")}.`);
  process.exit(2);
}

prepare();
const { circumstances, keep, table, writePage } = await import("./report.js");
const claims = await import("./claims.js");
const say = (line) => console.error(`  ${line}`);
const options = {
  ...(values.quick ? quick : full),
  ...(values.rounds && { rounds: Number(values.rounds) }),
  say,
};
const facts = circumstances();
if (facts.busy > 1) say(`The machine is busy (load ${facts.busy}): ratios will scatter. Quote a quiet run.`);
const result = { ...facts, quick: values.quick, options: { ...options, say: undefined }, claims: {} };
const rows = [];
for (const name of names) {
  console.error(name.toUpperCase());
  try {
    const { rows: found, ...figures } = await claims[name](options);
    result.claims[name] = { rows: found, ...figures };
    rows.push(...found);
  } catch (error) {
    console.error(`  does not count: ${error.message}`);
    rows.push({
      claim: name.toUpperCase(),
      what: "does not count",
      value: error.message.split("\n")[0],
      goal: "",
      met: false,
    });
  }
}
console.log(`\n${table(rows)}\n`);
console.error(`Figures: ${keep(result, values.write)}`);
if (values.write)
  writePage(rows, facts, ["npm run bench", ...(positionals.length ? ["--", ...names] : [])].join(" "));
process.exit(rows.every(({ met }) => met !== false) ? 0 : 1);

/** The baselines' packages are installed on the first run; our own server is built when it is not. */
function prepare() {
  if (names.includes("p3") && !existsSync(join(import.meta.dirname, "node_modules/better-auth"))) {
    console.error("Installing what the baselines need into bench/node_modules (once).");
    must("npm", ["ci", "--prefix", import.meta.dirname, "--no-audit", "--no-fund"]);
  }
  must(process.execPath, [join(root, "build.js")]);
}

function must(command, args) {
  const { status } = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"], cwd: root });
  if (status !== 0) process.exit(1);
}
