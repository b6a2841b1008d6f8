/** Gathers what was set, and where: defaults < file < environment < `*_FILE` < what the program itself passes. */
import { resolve } from "node:path";
import { CONFIG, type Field, fields, fileVariable, nameOf, nearest, variables } from "./fields.ts";
import { parseObject, readSecret, readText } from "./files.ts";
import { quote } from "./quote.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Given {
  value: unknown;
  /** `default`, the name of a variable, the path of the file, or `program`. */
  source: string;
}

export interface Gathered {
  given: Map<Field, Given>;
  problems: string[];
}

export interface Places {
  env: Environment;
  cwd: string;
  /** Shaped like the file; counts more than all else. */
  overrides?: Readonly<Record<string, unknown>>;
}

const FILE = "latchkey.config.json";
/** What a cluster sets for a service of our name, and what tests and benchmarks use. */
const FOREIGN = /^LATCHKEY_(TEST_.*|BENCH_.*|SERVICE_(HOST|PORT)(_.*)?|PORT_\d+_(TCP|UDP|SCTP)(_.*)?)$/;

export function gather({ env, cwd, overrides }: Places): Gathered {
  const given = new Map<Field, Given>();
  const problems: string[] = [];
  const put = (field: Field, value: unknown, source: string) => {
    if (value !== undefined) given.set(field, { value, source });
  };
  for (const field of fields) put(field, field.default, "default");
  fromFile(env, cwd, put, problems);
  for (const field of fields) fromEnvironment(field, env, cwd, put, problems);
  if (overrides) fromObject(overrides, "program", put, problems);
  problems.push(...unknownVariables(env));
  return { given, problems };
}

type Put = (field: Field, value: unknown, source: string) => void;

function fromFile(env: Environment, cwd: string, put: Put, problems: string[]): void {
  const path = resolve(cwd, env[CONFIG] || FILE);
  const found = readText(path);
  if (!found) {
    if (env[CONFIG]) problems.push(`${CONFIG}: ${path} does not exist`);
    return;
  }
  const parsed = "problem" in found ? found : parseObject(path, found.text);
  if ("problem" in parsed) {
    problems.push(`configuration file (${CONFIG}): ${parsed.problem}`);
    return;
  }
  const secret = fields.find((field) => field.secret && at(parsed.object, field.path) !== undefined);
  if (secret && "groupWrites" in found && found.groupWrites) {
    problems.push(
      `${nameOf(secret)}: ${path} holds it and can be changed by its group; run: chmod go-w ${path}`,
    );
  }
  fromObject(parsed.object, path, put, problems);
}

function fromObject(
  object: Readonly<Record<string, unknown>>,
  source: string,
  put: Put,
  problems: string[],
): void {
  for (const field of fields) put(field, at(object, field.path), source);
  problems.push(...unknownKeys(object, [], source));
}

/** Own members only: a name such as `constructor` finds nothing. */
function at(object: Readonly<Record<string, unknown>>, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, name) => {
    const isObject = typeof value === "object" && value !== null && Object.hasOwn(value, name);
    return isObject ? (value as Record<string, unknown>)[name] : undefined;
  }, object);
}

function unknownKeys(object: Readonly<Record<string, unknown>>, path: string[], source: string): string[] {
  return Object.entries(object).flatMap(([name, value]) => {
    const key = [...path, name].join(".");
    if (fields.some((field) => field.key === key)) return [];
    const section = fields.filter((field) => field.key.startsWith(`${key}.`));
    const known = fields.map((field) => field.key);
    if (section.length === 0)
      return [`${quote(key)} in ${source} is no setting; did you mean ${nearest(key, known)}?`];
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return [
        `${quote(key)} in ${source} must be an object with ${section.map((field) => field.key).join(", ")}`,
      ];
    }
    return unknownKeys(value as Record<string, unknown>, [...path, name], source);
  });
}

function fromEnvironment(field: Field, env: Environment, cwd: string, put: Put, problems: string[]): void {
  const name = [field.env, field.alias].find((candidate) => candidate && isSet(candidate, env));
  if (name) put(field, env[name], name);
  const pointer = fileVariable(field);
  const path = pointer && env[pointer];
  if (!pointer || !path) return;
  const found = readSecret(resolve(cwd, path));
  if ("problem" in found) problems.push(`${nameOf(field)}: ${pointer} is no use: ${found.problem}`);
  else put(field, found.secret, pointer);
}

/** An empty variable is what compose files make of one that is not set. */
function isSet(name: string, env: Environment): boolean {
  const value = env[name];
  // A cluster with a service named latchkey sets LATCHKEY_PORT=tcp://…
  return value !== undefined && value !== "" && !(name === "LATCHKEY_PORT" && value.startsWith("tcp://"));
}

function unknownVariables(env: Environment): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith("LATCHKEY_") && !FOREIGN.test(name) && !variables.includes(name))
    .map((name) => `${quote(name)} is no setting; did you mean ${nearest(name, variables)}?`);
}
