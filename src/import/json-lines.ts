/** JSON Lines: one account a line. */
import { isRefusal, type LatchkeyError } from "../errors.ts";
import { linesOf } from "./lines.ts";
import { type Input, invalid, type Row, rowOf } from "./row.ts";

export async function* readJsonLines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Input> {
  for await (const { number, text } of linesOf(stream)) {
    if (text?.trim() === "") continue;
    yield {
      line: number,
      raw: text ?? "",
      read: text === undefined ? tooLong() : judged(() => rowOf(parsed(text))),
    };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid("This is no JSON.");
  }
}

function tooLong(): LatchkeyError {
  return invalid("The line is longer than 64 KiB, or is not UTF-8.");
}

/** What a reader makes of something, or why it refuses it. */
export function judged(read: () => Row): Row | LatchkeyError {
  try {
    return read();
  } catch (error) {
    if (isRefusal(error)) return error;
    throw error;
  }
}
