/** The schema as a flat list, and the names by which each setting is known. */
import type * as z from "zod";
import { type About, about, group, schema } from "./schema.ts";

/** One setting. */
export interface Field extends About {
  /** Its place in the file: `log.level`. */
  key: string;
  path: readonly string[];
  schema: z.ZodType;
}

function walk(shape: Readonly<Record<string, unknown>>, path: readonly string[]): Field[] {
  return Object.entries(shape).flatMap(([name, value]) => {
    const part = value as z.ZodType & { shape?: Record<string, unknown> };
    const here = [...path, name];
    const words = about.get(part);
    if (words) return [{ ...words, key: here.join("."), path: here, schema: part }];
    return walk(part.shape ?? {}, here);
  });
}

/** Every setting in the order of the schema. */
export const fields: readonly Field[] = walk(schema.shape, []);

/** Every key below `groups.<name>`, sections too: `passwords`, `passwords.mode`, … */
export const groupKeys: readonly string[] = Object.keys(group.shape).flatMap((section) => [
  section,
  ...fields.map((field) => field.key).filter((key) => key.startsWith(`${section}.`)),
]);

/** The variable that names the configuration file. */
export const CONFIG = "LATCHKEY_CONFIG";

/** The variable that names a file holding the secret, for settings that are one. */
export function fileVariable(field: Field): string | undefined {
  return field.secret && field.env ? `${field.env}_FILE` : undefined;
}

/** Every variable with the project's prefix that means something. */
export const variables: readonly string[] = [
  CONFIG,
  ...fields.flatMap((field) => [field.env, fileVariable(field)]).filter((name) => name !== undefined),
];

/** Both names of a setting: `port (LATCHKEY_PORT)`. */
export function nameOf(field: Field): string {
  return `${field.key} (${field.env ?? "configuration file only"})`;
}

/** The known name that needs the fewest edits to become this one. */
export function nearest(name: string, known: readonly string[]): string {
  const wanted = name.slice(0, 80).toLowerCase();
  const ranked = known.map((candidate) => ({ candidate, edits: edits(wanted, candidate.toLowerCase()) }));
  return ranked.reduce((best, next) => (next.edits < best.edits ? next : best)).candidate;
}

/** The Levenshtein distance, one row at a time. */
function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 1; j <= to.length; j++) {
      const swap = (row[j - 1] ?? 0) + (to[j - 1] === letter ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
