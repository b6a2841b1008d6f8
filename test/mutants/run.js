/**
 * Proves that the tests would notice: each patch of this folder takes one promise out of the sources, and the tests
 * named for it must fail. On the unchanged sources the same tests must pass.
 *
 *   node test/mutants/run.js [name…]
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { summary } from "../suite.js";
import { copyTree } from "../support/tree.js";

const contract = (store) => ["test/contract/store.test.ts", "-t", `contract on ${store}`];

const races = ["test/password/races.test.ts"];

/** The patches, each with the tests (arguments of vitest) that must notice it. */
const mutants = {
  "no-version-check-lmdb": contract("lmdb"),
  "no-version-check-redis": contract("redis"),
  "no-single-use-lmdb": contract("lmdb"),
  "no-single-use-redis": contract("redis"),
  "no-version-check-change": races,
  "no-tombstone": races,
  "no-order": races,
  "no-response-id-check-authentication": ["test/passkey/authentication.test.ts"],
  "no-response-id-check-registration": ["test/passkey/registration.test.ts"],
};

const patches = fileURLToPath(new URL(".", import.meta.url));
const TIME_LIMIT = 5 * 60_000;

/** Runs a program in a copy; `code` is its exit code. A program that hangs or cannot be started throws. */
function run(folder, command, args) {
  // The copy lies in no repository, and none around it may be taken for its own.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir() };
  const options = { cwd: folder, env, encoding: "utf8", timeout: TIME_LIMIT };
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, options);
  if (error || signal) throw error ?? new Error(`${command} was ended by ${signal}`);
  return { code: status, output: `${stdout}${stderr}` };
}

function inCopy(work) {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-mutant-"));
  try {
    copyTree(folder);
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function test(folder, tests) {
  return run(folder, process.execPath, ["test/suite.js", "--bail=1", ...tests]);
}

/** Throws when the unchanged sources do not pass the tests, because then a failure would prove nothing. */
function control(tests) {
  const { code, output } = inCopy((folder) => test(folder, tests));
  if (code !== 0) throw new Error(`fails without any mutant:\n${output}`);
}

/** Throws when the patch does not apply, leaves sources that do not compile, or goes unnoticed. */
function noticed(name, tests) {
  inCopy((folder) => {
    const apply = run(folder, "git", ["apply", "--verbose", join(patches, `${name}.patch`)]);
    if (apply.code !== 0) throw new Error(`the patch no longer applies; make it anew:\n${apply.output}`);
    const types = run(folder, "node_modules/.bin/tsc", ["--noEmit", "-p", "tsconfig.json"]);
    if (types.code !== 0)
      throw new Error(`the mutant does not compile, so its failure would prove nothing:\n${types.output}`);
    const { code } = test(folder, tests);
    if (code === 0) throw new Error(`nobody noticed. These tests passed: ${tests.join(" ")}`);
  });
}

/** Runs one check and prints what came of it; true when it passed. */
function passes(title, check) {
  const started = performance.now();
  let outcome = "ok";
  try {
    check();
  } catch (error) {
    outcome = `FAILED: ${error.message}`;
  }
  console.log(`${title}: ${outcome} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  return outcome === "ok";
}

function unlisted() {
  const names = readdirSync(patches)
    .filter((file) => file.endsWith(".patch"))
    .map((file) => file.slice(0, -6));
  const strangers = names.filter((name) => !(name in mutants));
  if (strangers.length > 0) throw new Error(`no tests are named for ${strangers.join(", ")}`);
}

const wanted = process.argv.slice(2);
const chosen = Object.entries(mutants).filter(([name]) => wanted.length === 0 || wanted.includes(name));
const selections = new Map(chosen.map(([, tests]) => [tests.join(" "), tests]));
const results = [
  passes("every patch has its tests", unlisted),
  ...[...selections].map(([title, tests]) => passes(`control: ${title}`, () => control(tests))),
  ...chosen.map(([name, tests]) => passes(name, () => noticed(name, tests))),
];
const passed = results.filter(Boolean).length;
console.log(summary({ passed, failed: results.length - passed }));
process.exitCode = passed === results.length ? 0 : 1;
