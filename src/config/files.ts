/** Reads the files that configure us, and refuses those that somebody else could have written. */
import { readFileSync, statSync } from "node:fs";

/** Larger files are no configuration. */
const LARGEST = 1024 * 1024;
const OTHERS_WRITE = 0o002;
const GROUP_WRITES = 0o020;

export type FileText = { text: string; groupWrites: boolean } | { problem: string } | undefined;

/** The text of a file, a problem in words, or `undefined` when there is no such file. Never quotes the content. */
export function readText(path: string): FileText {
  try {
    const { mode, size } = statSync(path, { throwIfNoEntry: false }) ?? { mode: 0, size: -1 };
    if (size < 0) return undefined;
    // A pipe or a device could block the start or never end.
    if ((mode & 0o170000) !== 0o100000) return { problem: `${path} is not a regular file` };
    if (size > LARGEST) return { problem: `${path} is larger than 1 MiB` };
    if (mode & OTHERS_WRITE && process.platform !== "win32") {
      return { problem: `${path} can be changed by everybody on this machine; run: chmod go-w ${path}` };
    }
    const groupWrites = (mode & GROUP_WRITES) !== 0 && process.platform !== "win32";
    return { text: readFileSync(path, "utf8").replace(/^\uFEFF/, ""), groupWrites };
  } catch (error) {
    return {
      problem: `${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown reason"})`,
    };
  }
}

/** The secret in a file, without the line end; a file that the group may write is refused too. */
export function readSecret(path: string): { secret: string } | { problem: string } {
  const found = readText(path);
  if (!found) return { problem: `${path} does not exist` };
  if ("problem" in found) return found;
  if (found.groupWrites) return { problem: `${path} can be changed by its group; run: chmod go-w ${path}` };
  const secret = found.text.replace(/[\r\n]+$/, "");
  return secret === "" ? { problem: `${path} is empty` } : { secret };
}

/** The JSON object in a file. A parser's own message is not passed on: it may quote a secret. */
export function parseObject(
  path: string,
  text: string,
): { object: Record<string, unknown> } | { problem: string } {
  try {
    let hostile = false;
    const object: unknown = JSON.parse(text, (key, value) => {
      hostile ||= key === "__proto__";
      return value;
    });
    if (hostile) return { problem: `${path} has a key named __proto__` };
    if (typeof object === "object" && object !== null && !Array.isArray(object)) {
      return { object: object as Record<string, unknown> };
    }
    return { problem: `${path} must hold one JSON object` };
  } catch (error) {
    const position = / at position (\d+)/.exec(String(error))?.[1];
    const line =
      position === undefined ? "" : ` (line ${text.slice(0, Number(position)).split("\n").length})`;
    return { problem: `${path} is not valid JSON${line}` };
  }
}
