import { expect, test } from "vitest";
import { randomText } from "../src/random.ts";

/** More than one stock holds, so that the seams between stocks are among them. */
const MANY = 20_000;

test.each([9, 12, 32, 33, 64])("texts of %i random bytes have that length, and none comes twice", (bytes) => {
  const texts = Array.from({ length: MANY }, () => randomText(bytes));
  expect(new Set(texts).size).toBe(MANY);
  for (const text of texts) expect(Buffer.from(text, "base64url")).toHaveLength(bytes);
});

test("no two texts share a part, whatever their lengths: no byte is handed out a second time", () => {
  const lengths = [33, 12, 32, 9, 64];
  const parts = Array.from({ length: MANY }, (_, turn) =>
    Buffer.from(randomText(lengths[turn % 5]!), "base64url"),
  ).flatMap((text) => Array.from({ length: text.length - 7 }, (_, at) => text.readBigUInt64LE(at)));
  expect(new Set(parts).size).toBe(parts.length);
});

test("every bit is set about as often as not, the first and the last of a stock, too", () => {
  const counts = new Array<number>(256).fill(0);
  for (let turn = 0; turn < MANY; turn++) {
    Buffer.from(randomText(32), "base64url").forEach((byte, at) => {
      for (let bit = 0; bit < 8; bit++) counts[at * 8 + bit]! += (byte >> bit) & 1;
    });
  }
  // Eight standard deviations: chance alone fails this once in 10^12 runs.
  for (const count of counts) expect(Math.abs(count - MANY / 2)).toBeLessThan(8 * Math.sqrt(MANY / 4));
});
