/** The kinds of value a setting can have; each reads the text of the environment and the JSON of the file alike. */
import * as z from "zod";
import { toMillis } from "./span.ts";

/** So many events in a window of so many milliseconds. */
export interface Rate {
  count: number;
  window: number;
}

function toRate(input: string): Rate | undefined {
  const [count, span, ...rest] = input.split("/");
  if (!count || !/^[1-9]\d{0,8}$/.test(count) || rest.length > 0) return undefined;
  const window = toMillis(span ?? "");
  return window ? { count: Number(count), window } : undefined;
}

/** Says in the words of `expected` what would have been right. */
function orExpected<T>(expected: string, context: { issues: unknown[] }, value: T | undefined): T {
  if (value !== undefined) return value;
  (context.issues as z.core.$ZodRawIssue[]).push({ code: "custom", message: expected, input: undefined });
  return z.NEVER;
}

export function text(expected: string) {
  return z.string(expected).trim().min(1, expected).max(4096, "at most 4096 characters");
}

export function choice<const T extends readonly [string, ...string[]]>(...values: T) {
  return z.enum(values, `one of ${values.join(", ")}`);
}

export function whole(min: number, max: number) {
  const expected = `a whole number from ${min} to ${max}`;
  const toNumber = (value: unknown) =>
    typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return z.preprocess(toNumber, z.number(expected).int(expected).min(min, expected).max(max, expected));
}

export function flag() {
  const words: Readonly<Record<string, boolean>> = { true: true, on: true, false: false, off: false };
  const toBoolean = (value: unknown) => (typeof value === "string" ? (words[value] ?? value) : value);
  return z.preprocess(toBoolean, z.boolean("true or false"));
}

/** Texts; one text is split at its commas. */
export function list() {
  const expected = "a list of texts";
  const toList = (value: unknown) => (typeof value === "string" ? value.split(",") : value);
  const item = z.string(expected).trim().max(4096, "at most 4096 characters");
  return z.preprocess(toList, z.array(item, expected).max(64, "at most 64 entries"));
}

/** Milliseconds, written `30s`, `15m`, `12h` or `7d`; `0` needs no unit. */
export function duration() {
  const expected = "a duration such as 30s, 15m, 12h or 7d";
  return z
    .preprocess((value) => (value === 0 || value === "0" ? "0s" : value), z.string(expected))
    .transform((value, context) => orExpected(expected, context, toMillis(value)));
}

/** A {@link Rate}, written `5/15m`. */
export function rate() {
  const expected = "a count and a span such as 5/15m";
  return z.string(expected).transform((value, context) => orExpected(expected, context, toRate(value)));
}
