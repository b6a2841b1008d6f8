/** Which language a page is written in: `ui_locales` (OpenID Connect Core, section 3.1.2.1) first, then the browser. */

/** The language every text exists in; the last resort of every negotiation. */
export const DEFAULT_LOCALE = "en";

const BUILT_IN: readonly string[] = [DEFAULT_LOCALE, "de"];
const RIGHT_TO_LEFT: ReadonlySet<string> = new Set([
  "ar",
  "dv",
  "fa",
  "he",
  "ku",
  "ps",
  "sd",
  "ug",
  "ur",
  "yi",
]);
// Longer lists and longer tags (RFC 5646, section 4.4.1) are nobody's real preference, only work for us.
const MOST_RANGES = 32;
const LONGEST_RANGE = 64;

/**
 * Chooses the language of a page. Ranges are looked up from the most to the least specific (RFC 4647, section 3.4),
 * so `de-AT` finds `de`. Whatever cannot be understood is passed over; there is always an answer.
 *
 * @example
 * ```ts
 * negotiateLocale("fr;q=0.9, de-AT;q=0.8"); // "de"
 * negotiateLocale("de", "en-GB de"); // "en"
 * ```
 */
export function negotiateLocale(
  acceptLanguage?: string,
  uiLocales?: string,
  available: readonly string[] = BUILT_IN,
): string {
  const wanted = [
    ...(uiLocales ?? "").split(/\s+/).slice(0, MOST_RANGES),
    ...acceptedRanges(acceptLanguage ?? ""),
  ];
  for (const range of wanted) {
    const found = lookUp(range, available);
    if (found !== undefined) return found;
  }
  return DEFAULT_LOCALE;
}

/** The base direction of a language, for `<html dir>`. */
export function textDirection(locale: string): "ltr" | "rtl" {
  return RIGHT_TO_LEFT.has(locale.split("-")[0] ?? "") ? "rtl" : "ltr";
}

/** The ranges of an `Accept-Language` header, preferred first (RFC 9110, section 12.5.4); `q=0` means never. */
function acceptedRanges(header: string): string[] {
  return header
    .split(",", MOST_RANGES)
    .map((item) => {
      const [range = "", ...parameters] = item.split(";").map((part) => part.trim());
      const quality = parameters.find((parameter) => /^q=/i.test(parameter))?.slice(2);
      return { range, quality: quality === undefined ? 1 : Number(quality) };
    })
    .filter(({ range, quality }) => range !== "" && quality > 0 && quality <= 1)
    .sort((a, b) => b.quality - a.quality)
    .map(({ range }) => range);
}

function lookUp(range: string, available: readonly string[]): string | undefined {
  if (range.length > LONGEST_RANGE) return undefined;
  const subtags = range.toLowerCase().split("-");
  for (let length = subtags.length; length > 0; length--) {
    const prefix = subtags.slice(0, length).join("-");
    const found = available.find((locale) => locale.toLowerCase() === prefix);
    if (found !== undefined) return found;
  }
  return undefined;
}
