import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { negotiateLocale, textDirection } from "../../src/view/locale.ts";

describe("negotiateLocale", () => {
  it.each([
    [undefined, undefined, "en"],
    ["", "", "en"],
    ["de", undefined, "de"],
    ["de-AT,en;q=0.8", undefined, "de"],
    ["fr, de;q=0.5, en;q=0.4", undefined, "de"],
    ["en;q=0.4, de;q=0.9", undefined, "de"],
    ["DE-ch", undefined, "de"],
    ["de;q=0, en", undefined, "en"],
    ["de;q=0", undefined, "en"],
    ["de; q=0.3 , en ; q=0.2", undefined, "de"],
    ["*", undefined, "en"],
    ["en", "de", "de"],
    ["en", "fr-CA de-CH en", "de"],
    ["de", "fr tlh", "de"],
    ["de;q=7, en;q=0.1", undefined, "en"],
    ["de;q=cat", undefined, "en"],
  ])("of Accept-Language %j and ui_locales %j is %s", (acceptLanguage, uiLocales, expected) => {
    expect(negotiateLocale(acceptLanguage, uiLocales)).toBe(expected);
  });

  it("prefers the more specific text where there is one", () => {
    const available = ["en", "pt", "pt-BR"];
    expect(negotiateLocale("pt-BR", undefined, available)).toBe("pt-BR");
    expect(negotiateLocale("pt-PT", undefined, available)).toBe("pt");
    expect(negotiateLocale("zh-Hant-TW", undefined, available)).toBe("en");
  });

  it("always answers with a language that there is, whatever it is sent", () => {
    const header = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.string({ unit: fc.constantFrom(..."de-EN,;q=0.1* ") }),
    );
    fc.assert(
      fc.property(header, header, (acceptLanguage, uiLocales) => {
        expect(["en", "de"]).toContain(negotiateLocale(acceptLanguage, uiLocales));
      }),
      { numRuns: 2000 },
    );
  });

  it("puts ui_locales before the browser, whatever the browser says", () => {
    fc.assert(
      fc.property(fc.string(), (acceptLanguage) => negotiateLocale(acceptLanguage, "de-DE") === "de"),
    );
  });

  it("does not stop to think about an enormous header", () => {
    const header = "x-".repeat(100_000);
    expect(negotiateLocale(`${header},`.repeat(5), header)).toBe("en");
  });
});

describe("textDirection", () => {
  it("is right to left for the languages that are", () => {
    expect(["ar", "he", "fa-IR", "ur"].map(textDirection)).toEqual(["rtl", "rtl", "rtl", "rtl"]);
    expect(["en", "de-AT", "arn"].map(textDirection)).toEqual(["ltr", "ltr", "ltr"]);
  });
});
