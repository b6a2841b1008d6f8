/** What stands in the place of an app's picture. */
import { expect, it } from "vitest";
import { initials } from "../../../src/http/portal/initials.ts";

it.each([
  ["Riverside Library", "RL"],
  ["wiki", "W"],
  ["Board papers and more", "BP"],
  ["time-sheet", "TS"],
  ["(beta) Notes", "BN"],
  ["Expenses 10", "E1"],
  ["\u{1f680} Launch", "L"],
  ["\u{1f469}\u200d\u{1f4bb}", "\u{1f469}\u200d\u{1f4bb}"],
  ["e\u0301cole", "E\u0301"],
  ["\u200fevil", "E"],
  ["<script>", "S"],
  ["文書", "文"],
])("of %j are %j", (name, expected) => {
  expect(initials(name, "en")).toBe(expected);
});

it("are upper case as people of the language write it", () => {
  expect(initials("istanbul", "tr")).toBe("İ");
});
