/**
 * Runs vitest and counts what it did. By itself (`node test/suite.js [vitest arguments]`) it is a run of the tests
 * alone that ends with the line `N passed, N failed`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Runs the tests with these vitest arguments; vitest's own report goes to the terminal. */
export function runSuite(args = [], stdio = "inherit") {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-suite-"));
  const report = join(folder, "report.json");
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  try {
    const { status } = spawnSync(process.execPath, [vitest, "run", ...reporters, ...args], {
      cwd: root,
      stdio,
    });
    const result = readReport(report);
    for (const failure of failures(result)) console.log(`FAILED: ${failure}`);
    return count(result, status);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined; // vitest ended before it could write one
  }
}

/** Counts a vitest report. A file that could not even be loaded, or an error outside of every test, is a failure too. */
export function count(report, status) {
  if (!report) return { passed: 0, failed: 1, skipped: 0 };
  const brokenFiles = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  const failed = report.numFailedTests + brokenFiles.length;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && status !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** The tests that failed, each with what it says, so that the end of a long run tells what to look at. */
export function failures(report) {
  return (report?.testResults ?? []).flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === "failed");
    if (status === "failed" && failed.length === 0)
      return [`${relative(root, name)}: ${firstLines(message)}`];
    return failed.map(
      (test) => `${relative(root, name)} > ${test.fullName}: ${firstLines(test.failureMessages[0])}`,
    );
  });
}

const firstLines = (text = "") => text.split("\n").slice(0, 4).join("\n    ");

/** The closing line of every run. */
export function summary({ passed, failed, skipped = 0 }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const counts = runSuite(process.argv.slice(2));
  console.log(summary(counts));
  process.exitCode = counts.failed > 0 ? 1 : 0;
}
