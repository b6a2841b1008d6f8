/** Lines of a stream of bytes, without ever holding more than one of them. */

/** An account has less than this; a longer line is skipped. */
export const LONGEST_LINE = 64 * 1024;

export interface Line {
  number: number;
  /** Nothing for a line that is too long or is not UTF-8. */
  text: string | undefined;
}

const FEED = 0x0a;

export async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  let number = 1;
  let held = Buffer.alloc(0);
  let skipping = false;
  for await (const chunk of stream) {
    let bytes = Buffer.from(chunk);
    for (let end = bytes.indexOf(FEED); end >= 0; end = bytes.indexOf(FEED)) {
      const line = Buffer.concat([held, bytes.subarray(0, end)]);
      yield { number, text: skipping ? undefined : decode(line, number) };
      number++;
      held = Buffer.alloc(0);
      skipping = false;
      bytes = bytes.subarray(end + 1);
    }
    if (skipping) continue;
    held = Buffer.concat([held, bytes]);
    skipping = held.length > LONGEST_LINE;
    if (skipping) held = Buffer.alloc(0);
  }
  if (skipping || held.length > 0) yield { number, text: skipping ? undefined : decode(held, number) };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Buffer, number: number): string | undefined {
  if (bytes.length > LONGEST_LINE) return undefined;
  try {
    const text = utf8.decode(bytes).replace(/\r$/, "");
    return number === 1 ? text.replace(/^\uFEFF/, "") : text;
  } catch {
    return undefined;
  }
}
