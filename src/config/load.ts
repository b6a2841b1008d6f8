/** Settings from the file and the environment, with every problem said at once. */
import { LatchkeyError } from "../errors.ts";
import { derive, type Settings } from "./derive.ts";
import { type Field, groupKeys, nameOf, nearest } from "./fields.ts";
import { maskAddress, quote } from "./quote.ts";
import { broken, type Partly } from "./rules.ts";
import type { Parsed } from "./schema.ts";
import { type Environment, type Given, gather } from "./sources.ts";

export type { Settings } from "./derive.ts";

/** The configuration is not usable; `problems` says everything that is wrong, each with both names and the remedy. */
export class ConfigurationError extends LatchkeyError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super("configuration_invalid", { detail: problems.join("\n"), members: { problems } });
    this.problems = problems;
  }
}

export interface LoadOptions {
  env?: Environment;
  /** Where the configuration file is looked for, and what relative paths in it mean. */
  cwd?: string;
  /** Shaped like the file; counts more than all else. */
  overrides?: Readonly<Record<string, unknown>>;
  /** Whether the standard output is a terminal, which decides the format of the log. */
  terminal?: boolean;
}

/** Settings, and where each came from. */
export interface Loaded {
  settings: Settings;
  /** By key, what was set as it was written, and where. */
  given: ReadonlyMap<string, Given>;
}

/**
 * Loads all settings. Precedence: defaults, file, environment, `*_FILE`, `overrides`.
 *
 * @throws {ConfigurationError} with all problems at once.
 * @example
 * ```ts
 * const settings = loadSettings({ env: { LATCHKEY_PORT: "3100" }, cwd: "/srv/id" });
 * settings.issuer; // http://localhost:3100
 * ```
 */
export function loadSettings(options: LoadOptions = {}): Settings {
  return inspectSettings(options).settings;
}

/** Like {@link loadSettings}, and tells the source of each setting. */
export function inspectSettings(options: LoadOptions = {}): Loaded {
  const {
    env = process.env,
    cwd = process.cwd(),
    terminal = process.stdout.isTTY === true,
    overrides,
  } = options;
  const { given, problems } = gather({ env, cwd, ...(overrides ? { overrides } : {}) });
  const parsed = Object.create(null) as Partly;
  for (const [field, found] of given) problems.push(...parse(field, found, parsed));
  problems.push(...broken(parsed, cwd));
  if (problems.length > 0) throw new ConfigurationError(problems);
  const byKey = new Map([...given].map(([field, found]) => [field.key, found]));
  return { settings: derive(complete(parsed), { cwd, terminal }), given: byKey };
}

/** Parses one setting into its place; an impossible value leaves the place empty and comes back in words. */
function parse(field: Field, { value, source }: Given, into: object): string[] {
  const { success, data, error } = field.schema.safeParse(value);
  if (success) {
    put(into as Record<string, unknown>, field.path, data);
    return [];
  }
  return error.issues.flatMap((issue) => {
    const place = issue.path.map(String);
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => unknownOfGroup([...field.path, ...place, key], source));
    }
    const inner = place.join(".");
    const shown = field.secret || inner !== "" ? "something else" : show(value);
    return `${nameOf(field)}: ${inner ? `${quote(inner)}: ` : ""}expected ${issue.message}; ${source} says ${shown}`;
  });
}

/** Groups alone hold keys that are no settings of their own; what a group may say is the same for all of them. */
function unknownOfGroup([section = "", name = "", ...key]: readonly string[], source: string): string {
  const meant = [section, name, nearest(key.join("."), groupKeys)].join(".");
  return `${quote([section, name, ...key].join("."))} in ${source} is no setting; did you mean ${meant}?`;
}

/** A value that is no secret itself; one that landed here by mistake may hold credentials. */
function show(value: unknown): string {
  return quote(maskAddress(typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing")));
}

function put(into: Record<string, unknown>, [name = "", ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    into[name] = value;
    return;
  }
  into[name] ??= {};
  put(into[name] as Record<string, unknown>, rest, value);
}

/** Without problems every setting that has a default is there; sections whose settings have none may still lack. */
function complete(parsed: Partly): Parsed {
  return { ...parsed, mail: parsed.mail ?? {} } as Parsed;
}
