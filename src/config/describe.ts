/** Settings in words: the table of the documentation, and what `config print` shows. */
import { existsSync } from "node:fs";
import type { Settings } from "./derive.ts";
import { type Field, fields, fileVariable } from "./fields.ts";
import type { Loaded } from "./load.ts";
import { maskAddress } from "./quote.ts";

/** The table of all settings, in Markdown. */
export function settingsTable(): string {
  const rows = fields.map((field) => {
    const { alias } = field;
    const names = [field.env, alias && `or ${alias}`, fileVariable(field)].filter(
      (name) => name !== undefined,
    );
    const variables = names.map((name) =>
      name.startsWith("or ") ? `or \`${name.slice(3)}\`` : `\`${name}\``,
    );
    return `| ${variables.join(", ").replace(", or ", " or ") || "–"} | \`${field.key}\` | ${field.doc} | ${defaultOf(field)} |`;
  });
  const head = ["| environment | file | meaning | default |", "|---|---|---|---|"];
  return `${[...head, ...rows].join("\n")}\n`;
}

function defaultOf(field: Field): string {
  if (field.defaultText !== undefined) return field.defaultText;
  return field.default === undefined ? "none" : `\`${String(field.default)}\``;
}

/** One setting as it is in effect. */
export interface Described {
  key: string;
  /** As one would write it in the file; `null` when there is none. Secrets are masked. */
  value: unknown;
  /** `default`, the name of a variable, the path of the file, or `program`; with a remark on a file to be made. */
  source: string;
}

/** Every setting in effect, where it comes from, and no secret. */
export function describeSettings({ settings, given }: Loaded): Described[] {
  return fields.map((field) => {
    if (field.key === "secret" && settings.secretFile !== undefined) return localSecret(settings.secretFile);
    const found = given.get(field.key);
    // Spans and rates are shown as they are written; what is derived is shown as it came out.
    const value = field.env === undefined ? found?.value : at(settings, field.path);
    return { key: field.key, value: masked(field, value) ?? null, source: found?.source ?? "default" };
  });
}

/** On localhost a file takes the place of the secret, and the first start makes it. */
function localSecret(file: string): Described {
  const source = existsSync(file) ? file : `${file} (made on first use)`;
  return { key: "secret", value: [MASK], source };
}

function at(settings: Settings, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, name) => (value as Record<string, unknown> | undefined)?.[name],
    settings,
  );
}

const MASK = "***";

function masked(field: Field, value: unknown): unknown {
  if (field.secret === "value") return Array.isArray(value) ? value.map(() => MASK) : value;
  return field.secret === "url" && typeof value === "string" ? maskAddress(value) : value;
}
