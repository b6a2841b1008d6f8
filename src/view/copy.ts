/**
 * The texts: every sentence a person reads, one file for each language (`views/copy/<language>.json`).
 *
 * An overlay's file for a language adds to ours key by key, so that a text added in a later release is never missing;
 * a language that only the overlay has falls back to English where it has no text.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { refuse } from "../errors.ts";
import { DEFAULT_LOCALE } from "./locale.ts";

/** What stands for the `{placeholders}` of a text. */
export type Values = Readonly<Record<string, string | number>>;

/** A piece of a text: plain words, or a value that was put in (and may be marked as such). */
export interface Part {
  text: string;
  value: boolean;
}

/** The texts of all languages. */
export interface Copy {
  readonly languages: readonly string[];
  has(key: string): boolean;
  /** The text in its parts. An unknown key or a missing value is a `TypeError`: a template is wrong. */
  parts(locale: string, key: string, values?: Values): Part[];
  text(locale: string, key: string, values?: Values): string;
  /** All texts directly under `prefix`, by their last key. */
  group(locale: string, prefix: string): Record<string, string>;
}

type Texts = ReadonlyMap<string, string>;

/** Reads the texts of the folders, later ones over earlier ones. */
export function loadCopy(folders: readonly string[]): Copy {
  const languages = readTexts(folders);
  const fallback: Texts = languages.get(DEFAULT_LOCALE) ?? new Map();
  const find = (locale: string, key: string) => languages.get(locale)?.get(key) ?? fallback.get(key);

  const parts = (locale: string, key: string, values: Values = {}): Part[] => {
    const text = find(locale, key);
    if (text === undefined) throw new TypeError(`there is no text "${key}"`);
    return split(text, key, values);
  };
  return {
    languages: [...languages.keys()],
    has: (key) => fallback.has(key),
    parts,
    text: (locale, key, values) =>
      parts(locale, key, values)
        .map((part) => part.text)
        .join(""),
    group: (locale, prefix) => {
      const keys = [...fallback.keys()].filter((key) => key.startsWith(`${prefix}.`));
      return Object.fromEntries(keys.map((key) => [key.slice(prefix.length + 1), find(locale, key) ?? ""]));
    },
  };
}

function split(text: string, key: string, values: Values): Part[] {
  return text
    .split(/(\{\w+\})/)
    .filter((piece) => piece !== "")
    .map((piece) => {
      if (!/^\{\w+\}$/.test(piece)) return { text: piece, value: false };
      const name = piece.slice(1, -1);
      if (!Object.hasOwn(values, name)) throw new TypeError(`text "${key}" needs a value for "${name}"`);
      return { text: String(values[name]), value: true };
    });
}

function readTexts(folders: readonly string[]): Map<string, Texts> {
  const languages = new Map<string, Texts>();
  for (const folder of folders.map((views) => join(views, "copy")).filter((copy) => existsSync(copy))) {
    for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
      const language = file.slice(0, -".json".length);
      const own = readFile(join(folder, file));
      languages.set(language, new Map([...(languages.get(language) ?? []), ...own]));
    }
  }
  return languages;
}

function readFile(path: string): [string, string][] {
  try {
    return flatten(JSON.parse(readFileSync(path, "utf8")));
  } catch (cause) {
    throw refuse("configuration_invalid", { detail: `The texts in ${path} cannot be used.`, cause });
  }
}

/** `{ "a": { "b": "text" } }` as `a.b`. */
function flatten(node: unknown, path = ""): [string, string][] {
  if (typeof node === "string") return [[path, node]];
  if (typeof node !== "object" || node === null)
    throw new TypeError(`copy: "${path}" must be a text or a group of texts`);
  return Object.entries(node).flatMap(([key, value]) => flatten(value, path === "" ? key : `${path}.${key}`));
}
