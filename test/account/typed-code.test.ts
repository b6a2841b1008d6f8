import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { codeFingerprint, newCode } from "../../src/account/typed-code.ts";

const SHAPE = /^([0-9A-HJKMNP-TV-Z]{5}-){5}[0-9A-HJKMNP-TV-Z]$/;

describe("a code to type", () => {
  test("is 128 random bits in groups, without letters that look like digits", () => {
    const codes = Array.from({ length: 200 }, newCode);
    for (const code of codes) expect(code).toMatch(SHAPE);
    expect(new Set(codes).size).toBe(codes.length);
    const digits = new Set(codes.join("").replaceAll("-", ""));
    expect(digits.size).toBe(32);
  });

  test("SEC-50 is the same code in every way of typing it", () => {
    const disguises = fc.array(fc.constantFrom("", " ", "-", "\t", "\u2013", "\u00a0"), {
      minLength: 31,
      maxLength: 31,
    });
    fc.assert(
      fc.property(disguises, fc.boolean(), fc.boolean(), (between, lower, lookalikes) => {
        const code = newCode();
        const wanted = codeFingerprint(code);
        expect(wanted).toBeDefined();
        const swapped = lookalikes ? code.replaceAll("1", "l").replaceAll("0", "o") : code;
        const spread = [...swapped].map((digit, at) => `${digit}${between[at] ?? ""}`).join("");
        expect(codeFingerprint(lower ? spread.toLowerCase() : spread)).toBe(wanted);
      }),
      { numRuns: 200 },
    );
  });

  test("is no code when a digit is missing, too many, or another one", () => {
    const code = newCode();
    expect(codeFingerprint(code.slice(0, -1))).toBeUndefined();
    expect(codeFingerprint(`${code}0`)).toBeUndefined();
    expect(codeFingerprint(code.replace(/^./, "U"))).toBeUndefined();
    const other = code.startsWith("A") ? "B" : "A";
    expect(codeFingerprint(code.replace(/^./, other))).not.toBe(codeFingerprint(code));
  });

  test("whatever is typed is judged without harm", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (typed) => {
        const judged = codeFingerprint(typed);
        expect(judged === undefined || /^[\w-]{43}$/.test(judged)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
