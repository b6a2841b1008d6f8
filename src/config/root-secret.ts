/** The root secret: from the settings, or on localhost from a file that only its owner reads. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type LatchkeyError, refuse } from "../errors.ts";
import { readSecret } from "./files.ts";
import { ConfigurationError, type Settings } from "./load.ts";

/**
 * The secrets, newest first. On localhost the first start makes one.
 *
 * @param inUse whether the store was made with a secret already: then a missing file is a loss, and no new one helps
 * @throws {ConfigurationError}
 */
export function rootSecrets({ secret, secretFile }: Settings, inUse: boolean): readonly string[] {
  if (secret.length > 0) return secret;
  if (secretFile === undefined) throw new TypeError("settings without a secret and without a place for one");
  if (inUse && !existsSync(secretFile)) {
    throw unfit(
      `${secretFile} is missing, and the store was made with it. Put it back, for example from a backup`,
    );
  }
  mkdirSync(dirname(secretFile), { recursive: true, mode: 0o700 });
  try {
    // Of several processes that start at once, one writes; `wx` makes the others read.
    writeFileSync(secretFile, `${randomBytes(32).toString("base64url")}\n`, { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const read = readSecret(secretFile);
  if ("problem" in read) throw unfit(read.problem);
  return [read.secret];
}

/** What to do when none of the secrets opens the store. */
export function secretMismatch({ secret, secretFile }: Settings, cause: unknown): LatchkeyError {
  const given =
    secret.length > 0 ? "none of those in LATCHKEY_SECRET (secret)" : `not the one in ${secretFile}`;
  const detail = `The store was made with another one: ${given}. Put the right one behind the new one, after a comma.`;
  return refuse("secret_mismatch", { cause, detail });
}

function unfit(problem: string): ConfigurationError {
  return new ConfigurationError([`LATCHKEY_SECRET (secret): ${problem}`]);
}
