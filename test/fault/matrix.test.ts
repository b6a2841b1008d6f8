/** Every fault that this project says it survives stands in the title of a test. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
/** `docs/operations.md` says so: a partition with clients on both sides; names and certificates that change. */
const LEFT_OUT = [10, 20];
const FAULTS = Array.from({ length: 24 }, (_, i) => i + 1).filter((number) => !LEFT_OUT.includes(number));

/** The numbers that titles begin with: `F1 …`, `F2, F3: …`. */
function numbersIn(source: string): number[] {
  const beginnings = source.matchAll(/["`]((?:F\d+(?:, )?)+)[ :]/g);
  return [...beginnings].flatMap(([, numbers = ""]) =>
    numbers.split(", ").map((one) => Number(one.slice(1))),
  );
}

describe("the failure matrix", () => {
  test("has a test for each fault", () => {
    const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) =>
      /\.(test|fault)\.ts$/.test(name),
    );
    const found = new Set(files.flatMap((name) => numbersIn(readFileSync(`${root}${name}`, "utf8"))));
    expect(FAULTS.filter((number) => !found.has(number))).toEqual([]);
  });

  test("would be seen to lack one", () => {
    // Written so that this file itself covers nothing.
    const source = 'test("X1 a", f); describe("X2, X3: b", f); test("of X4", f); // X5'.replaceAll("X", "F");
    expect(numbersIn(source)).toEqual([1, 2, 3]);
  });
});
