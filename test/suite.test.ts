/** The count in the last line of `npm test`, which everything else relies on. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const suite = fileURLToPath(new URL("suite.js", import.meta.url));

/** What `test/suite.js` makes of a vitest report and its exit code. */
function counted(report: object | undefined, status: number): unknown {
  const program = `import { count } from ${JSON.stringify(suite)};
    const [report, status] = JSON.parse(process.argv[1]);
    console.log(JSON.stringify(count(report ?? undefined, status)));`;
  const args = ["--input-type=module", "-e", program, JSON.stringify([report ?? null, status])];
  return JSON.parse(spawnSync(process.execPath, args, { encoding: "utf8" }).stdout);
}

const green = {
  numPassedTests: 3,
  numFailedTests: 0,
  numPendingTests: 1,
  numTodoTests: 1,
  testResults: [{ status: "passed", assertionResults: [{ status: "passed" }] }],
};

test("passed, failed and skipped tests are counted", () => {
  expect(counted(green, 0)).toEqual({ passed: 3, failed: 0, skipped: 2 });
  const failed = { status: "failed", assertionResults: [{ status: "failed" }, { status: "failed" }] };
  expect(counted({ ...green, numFailedTests: 2, testResults: [failed] }, 1)).toMatchObject({ failed: 2 });
});

test("a file that could not be loaded is a failure", () => {
  const broken = { status: "failed", assertionResults: [] };
  expect(counted({ ...green, testResults: [broken] }, 1)).toMatchObject({ passed: 3, failed: 1 });
});

test("a run that ended badly without a failed test, or without a report, is a failure", () => {
  expect(counted(green, 1)).toMatchObject({ failed: 1 });
  expect(counted(undefined, 0)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

test("what failed is named with what it says, a file that could not be loaded too", () => {
  const program = `import { failures } from ${JSON.stringify(suite)};
    console.log(JSON.stringify(failures(JSON.parse(process.argv[1]))));`;
  const broken = { name: "a.test.ts", status: "failed", message: "no such module", assertionResults: [] };
  const failed = {
    name: "b.test.ts",
    status: "failed",
    assertionResults: [
      { status: "passed", fullName: "it holds", failureMessages: [] },
      { status: "failed", fullName: "it breaks", failureMessages: ["expected 1 to be 2\nat line 3"] },
    ],
  };
  const args = ["--input-type=module", "-e", program, JSON.stringify({ testResults: [broken, failed] })];
  const named: string[] = JSON.parse(spawnSync(process.execPath, args, { encoding: "utf8" }).stdout);
  expect(named).toHaveLength(2);
  expect(named[0]).toMatch(/a\.test\.ts: no such module$/);
  expect(named[1]).toMatch(/b\.test\.ts > it breaks: expected 1 to be 2\n +at line 3$/);
});
