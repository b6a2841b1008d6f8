/** Text that is kept for later outside of memory: in a file that has no name any more when the first of it is written. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";

/** How much is held at a time, either way. */
const PIECE = 64 * 1024;

export interface Spool {
  add(text: string): void;
  /** All of it, in pieces. */
  pieces(): Iterable<string>;
  close(): void;
}

export function spool(): Spool {
  const file = nameless();
  let held = "";
  let written = 0;
  const flush = () => {
    written += writeAll(file, Buffer.from(held), written);
    held = "";
  };
  return {
    add(text) {
      held += text;
      if (held.length >= PIECE) flush();
    },
    *pieces() {
      flush();
      const decoder = new StringDecoder("utf8");
      const piece = Buffer.alloc(PIECE);
      for (let at = 0; at < written; ) {
        const read = readSync(file, piece, 0, PIECE, at);
        if (read === 0) throw new Error("a file of our own has become shorter");
        at += read;
        yield decoder.write(piece.subarray(0, read));
      }
    },
    close: () => closeSync(file),
  };
}

/** For its owner alone, and gone however the process ends. */
function nameless(): number {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-"));
  try {
    return openSync(join(folder, "spool"), "wx+", 0o600);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeAll(file: number, bytes: Buffer, at: number): number {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, bytes.length - done, at + done);
  }
  return bytes.length;
}
