/** What stands in the place of an app's picture, which would be somebody else's to load, and to see who loads it. */

const LETTER = /[\p{L}\p{N}]/u;

/**
 * The first letters of the first two words; of a name without any letter its first sign.
 *
 * @example
 * ```ts
 * initials("Riverside Library", "en") === "RL"; // true
 * ```
 */
export function initials(name: string, locale: string): string {
  const signs = new Intl.Segmenter(locale, { granularity: "grapheme" });
  const signsOf = (text: string) => [...signs.segment(text)].map(({ segment }) => segment);
  const firsts = name.split(/[\s\-_./]+/u).map((word) => signsOf(word).find((sign) => LETTER.test(sign)));
  const letters = firsts.filter((sign) => sign !== undefined).slice(0, 2);
  return letters.length > 0 ? letters.join("").toLocaleUpperCase(locale) : (signsOf(name)[0] ?? "");
}
