import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkDisplayName,
  checkEmail,
  checkUsername,
  deriveUsernames,
  parseDisplayName,
  parseEmail,
  parseUsername,
} from "../../src/account/names.ts";

const ANY = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), fc.string());

describe("a username", () => {
  it.each([
    ["jane", "jane"],
    ["Jane.Doe_2-x", "jane.doe_2-x"],
    ["ＪＡＮＥ", "jane"],
    ["\u212aim", "kim"],
    ["7", "7"],
    ["a".repeat(64), "a".repeat(64)],
  ])("SEC-57 %j is the same name as %j", (typed, canonical) => {
    expect(checkUsername(typed)).toBe(canonical);
  });

  it.each([
    ["of nothing", ""],
    ["of 65 characters", "a".repeat(65)],
    ["with a space behind it", "jane "],
    ["with a no-break space", "jane\u00a0"],
    ["with a zero-width space", "ja\u200bne"],
    ["with a zero-width joiner", "ja\u200dne"],
    ["with a Cyrillic a", "j\u0430ne"],
    ["with a dotless i", "d\u0131m"],
    ["with a dotted capital I", "D\u0130M"],
    ["with a combining mark", "jane\u0301"],
    ["with an at sign", "jane@example.com"],
    ["with a colon", "jane:x"],
    ["with a line break", "jane\n"],
    ["that looks like an option", "-jane"],
    ["that looks like a folder", ".."],
    ["that is far too long to look at", "\ufdfa".repeat(100_000)],
  ])("SEC-57 %s is refused", (_, typed) => {
    expect(parseUsername(typed)).toBeUndefined();
    expect(() => checkUsername(typed)).toThrow(expect.objectContaining({ code: "username_invalid" }));
  });

  it("has one canonical form, whatever is typed", () => {
    fc.assert(
      fc.property(ANY, (typed) => {
        const name = parseUsername(typed);
        if (name === undefined) return;
        expect(name).toMatch(/^[a-z0-9][a-z0-9._-]{0,63}$/);
        expect(parseUsername(name)).toBe(name);
        expect(parseUsername(name.toUpperCase())).toBe(name);
      }),
    );
  });
});

describe("an e-mail address", () => {
  it.each([
    [" Jane@Example.COM ", "Jane@Example.COM", "jane@example.com"],
    ["jane+tag@example.com", "jane+tag@example.com", "jane+tag@example.com"],
    ["jane@b\u00fccher.example", "jane@b\u00fccher.example", "jane@xn--bcher-kva.example"],
    ["ja\u0308ne@example.com", "j\u00e4ne@example.com", "j\u00e4ne@example.com"],
    ["ｊane@example.com", "ｊane@example.com", "jane@example.com"],
    ["ada@localhost", "ada@localhost", "ada@localhost"],
  ])("SEC-57 %j is kept as %j and compared as %j", (text, typed, canonical) => {
    expect(checkEmail(text)).toEqual({ typed, canonical });
  });

  it.each([
    "",
    "jane",
    "@example.com",
    "jane@",
    "jane@@example.com",
    "ja ne@example.com",
    "ja\u200bne@example.com",
    "jane@exam\u200bple.com",
    "jane@example.com/x",
    "jane@ex%61mple.com",
    "jane@example.com.",
    "jane@a..b",
    "jane@[127.0.0.1]",
    "jane@127.0.0.1",
    "jane@2130706433",
    "jane@example.com\r\nBcc: x@example.com",
    '"jane"@example.com',
    "<jane@example.com>",
    "a,b@example.com",
    `${"a".repeat(65)}@example.com`,
    `jane@${"a.".repeat(130)}com`,
    `jane@${"a".repeat(64)}.com`,
  ])("%j is none", (text) => {
    expect(parseEmail(text)).toBeUndefined();
    expect(() => checkEmail(text)).toThrow(expect.objectContaining({ code: "email_invalid" }));
  });

  it("SEC-57 keeps look-alike addresses apart", () => {
    expect(checkEmail("j\u0430ne@example.com").canonical).not.toBe(checkEmail("jane@example.com").canonical);
    expect(checkEmail("jane@ex\u0430mple.com").canonical).not.toBe(checkEmail("jane@example.com").canonical);
  });

  it("has one canonical form, whatever is typed", () => {
    const address = fc.tuple(ANY, ANY).map(([local, domain]) => `${local}@${domain}`);
    const found = { valid: 0 };
    fc.assert(
      fc.property(fc.oneof(address, fc.emailAddress()), (text) => {
        const email = parseEmail(text);
        if (email === undefined) return;
        found.valid++;
        expect(parseEmail(email.canonical)?.canonical).toBe(email.canonical);
        expect(parseEmail(email.typed)).toEqual(email);
        expect(email.canonical).not.toMatch(/[\s\p{Cc}<>]/u);
        expect(Buffer.byteLength(email.canonical)).toBeLessThanOrEqual(254);
      }),
      { numRuns: 300 },
    );
    expect(found.valid).toBeGreaterThan(50);
  });
});

describe("a name to show", () => {
  it.each([
    ["  Zo\u0065\u0308 O'Brien ", "Zo\u00eb O'Brien"],
    ["渡辺", "渡辺"],
    ["👩‍💻", "👩‍💻"],
    ["😀".repeat(128), "😀".repeat(128)],
    ["<b>bold</b>", "<b>bold</b>"],
  ])("%j is kept as %j", (typed, kept) => {
    expect(checkDisplayName(typed)).toBe(kept);
  });

  it.each([
    ["of nothing", "   "],
    ["of 129 characters", "a".repeat(129)],
    ["with a line break", "Jane\nDoe"],
    ["with a NUL", "Jane\0"],
    ["that turns text around", "Jane\u202eeoD"],
    ["with half a character", "Jane\ud83d"],
  ])("%s is refused", (_, typed) => {
    expect(parseDisplayName(typed)).toBeUndefined();
    expect(() => checkDisplayName(typed)).toThrow(expect.objectContaining({ code: "name_invalid" }));
  });
});

describe("a derived username", () => {
  const first = (from: { email?: string; name?: string }) => deriveUsernames(from).next().value;

  it.each([
    [{ email: "Jane.Doe+news@example.com", name: "Other" }, "jane.doe"],
    [{ name: "Zo\u00eb  O'Brien" }, "zoe-o-brien"],
    [{ email: "\u6e21\u8fba@example.com", name: "Ken" }, "ken"],
    [{ name: "\u6e21\u8fba" }, "user"],
    [{ email: "--@example.com" }, "user"],
    [{}, "user"],
  ])("of %j is first %j", (from, expected) => {
    expect(first(from)).toBe(expected);
  });

  it("goes on with numbers and ends with random ones", () => {
    const [one, two, three, four, five, ...random] = deriveUsernames({ email: "jane@example.com" });
    expect([one, two, three, four, five]).toEqual(["jane", "jane-2", "jane-3", "jane-4", "jane-5"]);
    expect(random).toHaveLength(4);
    expect(new Set(random).size).toBe(4);
  });

  it("is canonical, whatever it comes from", () => {
    fc.assert(
      fc.property(fc.record({ email: fc.oneof(fc.emailAddress(), ANY), name: ANY }), (from) => {
        for (const name of deriveUsernames(from)) expect(parseUsername(name)).toBe(name);
      }),
    );
  });
});
