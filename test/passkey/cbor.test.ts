/** SEC-28 What counts as one CBOR item. */
import { expect, test } from "vitest";
import { isOneCborItem } from "../../src/passkey/cbor.ts";
import { type Cbor, encodeCbor } from "../../src/testing/cbor.ts";

const hex = (text: string) => Buffer.from(text, "hex");

test("SEC-28 what authenticators write is one item, and with a byte more or less it is none", () => {
  const values: Cbor[] = [
    0,
    23,
    24,
    255,
    256,
    65536,
    -1,
    -257,
    true,
    false,
    "",
    "packed",
    Buffer.alloc(300),
    [],
    [1, [2, [3]]],
    new Map<string, Cbor>([
      ["fmt", "none"],
      ["attStmt", new Map()],
      ["authData", Buffer.alloc(70_000)],
    ]),
  ];
  for (const value of values) {
    const bytes = encodeCbor(value);
    expect(isOneCborItem(bytes)).toBe(true);
    expect(isOneCborItem(Buffer.concat([bytes, Buffer.of(0)]))).toBe(false);
    expect(isOneCborItem(bytes.subarray(0, -1))).toBe(false);
  }
});

test.each([
  ["nothing", ""],
  ["an indefinite map", "bf6161f5ff"],
  ["an indefinite string", "5f4101ff"],
  ["a tag", "c100"],
  ["a float", "f93c00"],
  ["null", "f6"],
  ["undefined", "f7"],
  ["a break", "ff"],
  ["a 64-bit number", "1b0000000000000001"],
  ["a reserved head", "1c"],
  ["a string that is longer than the bytes", "58ff00"],
  ["a huge string", "5affffffff"],
  ["a huge list", "9affffffff"],
  ["a huge map", "baffffffff"],
  ["a map without its last value", "a16161"],
  ["a head without its argument", "19"],
])("SEC-28 %s is not", (_, bytes) => {
  expect(isOneCborItem(hex(bytes))).toBe(false);
});

test("SEC-28 depth ends early", () => {
  const nested = (depth: number) => Buffer.concat([Buffer.alloc(depth, 0x81), Buffer.of(0)]);
  expect(isOneCborItem(nested(7))).toBe(true);
  expect(isOneCborItem(nested(8))).toBe(false);
  expect(isOneCborItem(nested(200_000))).toBe(false);
});
