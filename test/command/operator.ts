/** Somebody at a terminal: runs commands in this process, in a folder of their own, and reads what they print. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../src/command/run.ts";
import type { Terminal } from "../../src/command/terminal.ts";

/** What a command left behind. */
export interface Outcome {
  code: number;
  out: string;
  err: string;
  /** The longest piece that was written to the standard output at once. */
  longest: number;
  /** The one document on the standard output; throws unless there is exactly one. */
  json(): Record<string, unknown>;
}

export interface Operator {
  cwd: string;
  /** What the standard input holds. */
  input: string;
  /** Runs a command line, given as words. */
  run(...words: string[]): Promise<Outcome>;
  /** The same at a terminal, where questions are answered with `answer`. */
  answer(answer: string, ...words: string[]): Promise<Outcome>;
  remove(): void;
}

/** `env` is the whole environment; without a store the embedded one in the folder is used. */
export function operator(env: Record<string, string> = {}): Operator {
  const cwd = mkdtempSync(join(tmpdir(), "latchkey-command-"));
  const execute = async (words: string[], answer?: string): Promise<Outcome> => {
    const said = { out: "", err: "", longest: 0 };
    const terminal: Terminal = {
      env,
      input: async function* () {
        yield Buffer.from(one.input);
      },
      cwd,
      interactive: answer !== undefined,
      canAsk: answer !== undefined,
      out: (text) => {
        said.out += text;
        said.longest = Math.max(said.longest, text.length);
      },
      err: (text) => {
        said.err += `${text}\n`;
      },
      async ask(question) {
        said.err += question;
        return answer ?? "";
      },
    };
    const code = await run(words, terminal);
    return { code, ...said, json: () => JSON.parse(said.out) };
  };
  const one: Operator = {
    cwd,
    input: "",
    run: (...words) => execute(words),
    answer: (answer, ...words) => execute(words, answer),
    remove: () => rmSync(cwd, { recursive: true, force: true }),
  };
  return one;
}
