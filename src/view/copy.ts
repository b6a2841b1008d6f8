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
  /** All texts directly under `prefix`, by their last key, as JSON. */
  group(locale: string, prefix: string): string;
}

/** A text as it is kept: cut at its placeholders once, because every page is made of texts. */
type Template = readonly ({ text: string } | { name: string })[];
type Texts = ReadonlyMap<string, string>;

/** Reads the texts of the folders, later ones over earlier ones. */
export function loadCopy(folders: readonly string[]): Copy {
  const languages = readTexts(folders);
  const fallback: Texts = languages.get(DEFAULT_LOCALE) ?? new Map();
  const find = (locale: string, key: string) => languages.get(locale)?.get(key) ?? fallback.get(key);
  const template = kept((locale, key) => {
    const text = find(locale, key);
    if (text === undefined) throw new TypeError(`there is no text "${key}"`);
    return cut(text);
  });
  const parts = (locale: string, key: string, values: Values = {}): Part[] =>
    template(locale, key).map((piece) => fill(piece, key, values));
  const joined = (locale: string, key: string, values?: Values) =>
    parts(locale, key, values)
      .map((part) => part.text)
      .join("");
  const plain = kept(joined);
  return {
    languages: [...languages.keys()],
    has: (key) => fallback.has(key),
    parts,
    text: (locale, key, values) => (values === undefined ? plain(locale, key) : joined(locale, key, values)),
    group: kept((locale, prefix) => {
      const keys = [...fallback.keys()].filter((key) => key.startsWith(`${prefix}.`));
      return JSON.stringify(
        Object.fromEntries(keys.map((key) => [key.slice(prefix.length + 1), find(locale, key) ?? ""])),
      );
    }),
  };
}

/** There are as many answers as texts and languages, so all of them are kept. */
function kept<T>(make: (locale: string, key: string) => T): (locale: string, key: string) => T {
  const languages = new Map<string, Map<string, T>>();
  return (locale, key) => {
    const known = languages.get(locale);
    const found = known?.get(key);
    if (found !== undefined) return found;
    const made = make(locale, key);
    languages.set(locale, (known ?? new Map<string, T>()).set(key, made));
    return made;
  };
}

function cut(text: string): Template {
  return text
    .split(/(\{\w+\})/)
    .filter((piece) => piece !== "")
    .map((piece) => (/^\{\w+\}$/.test(piece) ? { name: piece.slice(1, -1) } : { text: piece }));
}

function fill(piece: Template[number], key: string, values: Values): Part {
  if ("text" in piece) return { text: piece.text, value: false };
  if (!Object.hasOwn(values, piece.name))
    throw new TypeError(`text "${key}" needs a value for "${piece.name}"`);
  return { text: String(values[piece.name]), value: true };
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
