import { expect, it } from "vitest";
import { hostPace } from "../../src/plugin/pace.ts";

/** When a refusal is answered, counted from its beginning. */
const at = (pace: ReturnType<typeof hostPace>, elapsed: number) => elapsed + pace.left(elapsed);

it("SEC-137 a refusal that checked nothing comes when one comes that was checked, however slow the host's hashes are", () => {
  const pace = hostPace();
  expect([0, 1, 249, 250, 251].map((elapsed) => at(pace, elapsed))).toEqual([250, 250, 250, 250, 500]);
  pace.saw(320);
  expect([3, 320, 390].map((elapsed) => at(pace, elapsed))).toEqual([500, 500, 500]);
  expect(at(pace, 501)).toBe(750);
});

it("a host that stalled once makes nobody wait for long, and not for ever", () => {
  const pace = hostPace();
  pace.saw(60_000);
  expect(at(pace, 3)).toBe(2000);
  for (let check = 0; check < 50; check++) pace.saw(20);
  expect(at(pace, 3)).toBe(250);
});
