import { describe, expect, test } from "vitest";
import { cookieKeys } from "../../src/oidc/cookie-keys.ts";
import { createVault } from "../../src/vault.ts";

const [older, newer] = [
  "an older root secret of the tests, 32 bytes",
  "a newer root secret of the tests, 32 bytes",
];

describe("cookie keys", () => {
  const signed = (...secrets: string[]) => cookieKeys(createVault(secrets).derive("cookies"));

  test("SEC-139 a rotated secret signs anew and signs nobody out", () => {
    const [before, after] = [signed(older), signed(newer, older)];
    const digest = before.sign("latchkey=x");
    expect([after.verify("latchkey=x", digest), after.index("latchkey=x", digest)]).toEqual([true, 1]);
    expect(after.index("latchkey=x", after.sign("latchkey=x"))).toBe(0);
  });

  test("SEC-73 no signature of a key that is gone, of another value, or none at all is good", () => {
    const keys = signed(newer);
    const digest = keys.sign("latchkey=x");
    expect(keys.verify("latchkey=x", digest)).toBe(true);
    for (const [value, given] of [
      ["latchkey=x", signed(older).sign("latchkey=x")],
      ["latchkey=y", digest],
      ["latchkey=x", ""],
      ["latchkey=x", digest.slice(0, -2)],
    ] as const) {
      expect([keys.verify(value, given), keys.index(value, given)]).toEqual([false, -1]);
    }
  });
});
