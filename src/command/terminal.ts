/** What a command may do with the terminal; tests bring their own. */
import { createInterface } from "node:readline/promises";
import { visible } from "../log/fields.ts";

export interface Terminal {
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** Whether a person reads the standard output. */
  readonly interactive: boolean;
  /** Whether a person can answer. */
  readonly canAsk: boolean;
  /** Writes to the standard output. Only what the caller is asked for goes there. */
  out(text: string): void;
  /** Writes a line to the standard error: reasons and warnings. */
  err(text: string): void;
  /** The standard input, as bytes. */
  input?(): AsyncIterable<Uint8Array>;
  /** Replaces the line of progress on the standard error; an empty one takes it away. */
  draw?(line: string): void;
  /** The answer to a question, which is asked on the standard error. */
  ask(question: string): Promise<string>;
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  return {
    env: process.env,
    cwd: process.cwd(),
    interactive: process.stdout.isTTY === true,
    canAsk: process.stdin.isTTY === true && process.stderr.isTTY === true,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(`${text}\n`),
    input: () => process.stdin,
    draw: (line) => void process.stderr.write(`\r\u001b[K${line}`),
    async ask(question) {
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return await lines.question(question);
      } finally {
        lines.close();
      }
    },
  };
}

/** Rows of two or more columns, aligned; control characters in them are shown, not obeyed. */
export function table(rows: readonly (readonly string[])[]): string {
  const shown = rows.map((row) => row.map(visible));
  const widths = (shown[0] ?? []).map((_, column) =>
    Math.max(...shown.map((row) => (row[column] ?? "").length)),
  );
  const line = (row: string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
  return shown.map((row) => `${line(row).trimEnd()}\n`).join("");
}
