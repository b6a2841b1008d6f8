/**
 * `npm test`: builds, checks types, lint and unused code, then runs the tests. Every check runs even when an earlier
 * one failed; the last line counts checks and tests together.
 *
 *   npm test                                 everything
 *   npm test -- test/store                   the checks, and of the tests those that match
 *   LATCHKEY_TEST_SKIP=redis,browser npm test   without what needs Redis, without what needs a browser
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { leftOut, prepareMachine } from "./machine.js";
import { bringNewerServers, leftOutForAge } from "./newer-redis.js";
import { runSuite, summary } from "./suite.js";
import { newerServers } from "./support/newer-redis.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const bin = (name) => join(root, "node_modules/.bin", name);
const colours = process.stdout.isTTY ? "force" : "off"; // it colours pipes too
const typesOf = (project) => run(bin("tsc"), ["--noEmit", "-p", project]);

let newer;
const checks = [
  ["machine: Redis and Chromium", prepare],
  ["build", () => run(process.execPath, ["build.js"])],
  ["types: src", () => typesOf("tsconfig.json")],
  ["types: src/browser", () => typesOf("src/browser/tsconfig.json")],
  ["types: test", () => typesOf("test/tsconfig.json")],
  ["lint", () => run(bin("biome"), ["ci", "--error-on-warnings", `--colors=${colours}`])],
  ["unused code", () => run(bin("knip"), [])],
];

/** What the tests need at least, and the beginning of what they are glad of. */
function prepare() {
  prepareMachine();
  if (!leftOut().includes("redis")) newer = bringNewerServers();
}

function run(command, args) {
  if (!existsSync(command)) throw new Error(`${command} is missing. Run: npm ci`);
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (error) throw error;
  if (status !== 0) throw new Error(`ended with ${signal ?? `exit code ${status}`}`);
}

/** Runs one check under its header; true when it passed. */
function passes([name, check]) {
  console.log(`\n── ${name}`);
  const started = performance.now();
  let outcome = "ok";
  try {
    check();
  } catch (error) {
    outcome = `FAILED: ${error.message}`;
  }
  console.log(`   ${outcome} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  return outcome === "ok";
}

/** The tests; nothing of them may be left out in silence. */
function runTests(filters) {
  console.log("\n── tests");
  const skipped = leftOut();
  const without = skipped.includes("browser") ? ["--exclude", "test/browser/**"] : [];
  const counts = runSuite([...without, ...filters]);
  if (!skipped.includes("redis"))
    console.log(leftOutForAge() ?? `newer servers: ${newerServers().map(({ name }) => name)}`);
  if (skipped.length > 0) console.log(`left out by LATCHKEY_TEST_SKIP: ${skipped.join(", ")}`);
  else if (counts.skipped > 0 && filters.length === 0) {
    console.log(`FAILED: ${counts.skipped} tests were skipped although nothing is left out`);
    counts.failed++;
  }
  return counts;
}

const failedChecks = checks.filter((check) => !passes(check));
await newer;
const tests = runTests(process.argv.slice(2));
for (const [name] of failedChecks) console.log(`FAILED: ${name}`);
const total = {
  passed: tests.passed + checks.length - failedChecks.length,
  failed: tests.failed + failedChecks.length,
  skipped: tests.skipped,
};
console.log(summary(total));
process.exitCode = total.failed > 0 ? 1 : 0;
