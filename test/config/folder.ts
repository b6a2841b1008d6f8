/** A working folder of its own, in which settings are loaded. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigurationError, type LoadOptions, loadSettings, type Settings } from "../../src/config/load.ts";

export const SECRET = "a root secret of the tests with more than 32 bytes";

export interface Folder {
  path: string;
  /** Writes a file and returns its path. */
  file(name: string, content: string | object, mode?: number): string;
  load(env?: Record<string, string>, overrides?: Record<string, unknown>): Settings;
  /** What is wrong; empty when nothing is. */
  problems(env?: Record<string, string>, overrides?: Record<string, unknown>): readonly string[];
  remove(): void;
}

export function folder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "latchkey-config-"));
  const options = (env: Record<string, string>, overrides?: Record<string, unknown>): LoadOptions => ({
    env,
    cwd: path,
    terminal: false,
    ...(overrides ? { overrides } : {}),
  });
  return {
    path,
    file(name, content, mode = 0o600) {
      const to = join(path, name);
      writeFileSync(to, typeof content === "string" ? content : JSON.stringify(content));
      chmodSync(to, mode);
      return to;
    },
    load: (env = {}, overrides) => loadSettings(options(env, overrides)),
    problems(env = {}, overrides) {
      try {
        loadSettings(options(env, overrides));
        return [];
      } catch (error) {
        if (error instanceof ConfigurationError) return error.problems;
        throw error;
      }
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
