/** The file of `--jwks`: read here, judged by the registry. */
import { resolve } from "node:path";
import { parseObject, readText } from "../../config/files.ts";
import { MOST_BYTES, type PublicJwkSet } from "../../oidc/client/keys.ts";
import { type Context, UsageError } from "../context.ts";

/** The key set in a file. @throws {UsageError} for a file that cannot be one */
export function readKeys({ terminal }: Context, file: string): PublicJwkSet {
  const path = resolve(terminal.cwd, file);
  const found = readText(path) ?? { problem: `${path} does not exist` };
  if ("problem" in found) throw wrong(found.problem);
  if (Buffer.byteLength(found.text) > MOST_BYTES) throw wrong(`${path} is larger than 64 KiB`);
  const parsed = parseObject(path, found.text);
  if ("problem" in parsed) throw wrong(parsed.problem);
  return parsed.object as unknown as PublicJwkSet;
}

function wrong(problem: string): UsageError {
  return new UsageError(`--jwks: ${problem}`);
}
