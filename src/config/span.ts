/** Spans as people write them: `30s`, `15m`, `12h`, `7d`. */

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** A hundred years: longer spans overflow what stores and dates can hold. */
const LONGEST = 36_500 * 86_400_000;

/** Milliseconds; `undefined` for what is no span. */
export function toMillis(input: string): number | undefined {
  const found = /^(\d{1,9})(ms|s|m|h|d)$/.exec(input);
  if (!found?.[1] || !found[2]) return undefined;
  const millis = Number(found[1]) * (UNITS[found[2]] ?? Number.NaN);
  return millis <= LONGEST ? millis : undefined;
}
