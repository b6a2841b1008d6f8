/** Files as they are looked through: in pieces that overlap, unpacked where they are packed. */
import { closeSync, createReadStream, lstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { createGunzip } from "node:zlib";
import { expandedIn } from "./lzf.ts";
import { LONGEST_TRACE, type Trace, tracesIn } from "./traces.ts";

/** A key of the passwords is known by the name of its file. */
const KEY_FILE = /(?:^|[/\\])password-(?<id>[\w-]{1,32})\.key(?:\.new)?$/;

const GZIP = 0x1f8b;

/** Regular files below a folder, or the file itself. Links lead elsewhere and are not followed. */
export function filesBelow(path: string): string[] {
  const found = lstatSync(path);
  if (found.isFile()) return [path];
  if (!found.isDirectory()) return [];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesBelow(join(path, name)));
}

/** Is told of each trace, once. */
export type See = (trace: Trace) => void;

/** Gives what is inside of a file that it can open, or nothing for one that is none of its kind. */
export type Unpack = (path: string) => AsyncIterable<Buffer> | undefined;

/**
 * Looks through a file, and gives its length.
 *
 * @throws what the file system says, when a file cannot be read: then nothing is proved
 */
export async function lookThrough(path: string, see: See, unpack: Unpack = () => undefined): Promise<number> {
  const key = KEY_FILE.exec(path)?.groups?.id;
  if (key !== undefined) {
    see({ what: "key", at: 0, keyId: key });
    return statSync(path).size;
  }
  const stream = createReadStream(path, { highWaterMark: 1024 * 1024 });
  const packed = headOf(path) === GZIP;
  // A file that only begins like one is looked through as it is, too.
  const bytes = await lookThroughStream(stream, see);
  const opened = unpack(path);
  if (opened) await lookThroughStream(opened, see);
  else if (packed) await lookThroughStream(createReadStream(path).pipe(createGunzip()), see).catch(() => {});
  return bytes;
}

async function lookThroughStream(stream: AsyncIterable<Buffer>, see: See): Promise<number> {
  let bytes = 0;
  let kept = Buffer.alloc(0);
  let before = new Set<string>();
  for await (const chunk of stream) {
    const piece = Buffer.concat([kept, chunk]);
    const start = bytes - kept.length;
    const here = new Set<string>();
    for (const trace of tracesAround(piece)) {
      const at = start + trace.at;
      // Where two pieces overlap a trace is seen twice, at one place: the last piece is all that is remembered.
      const name = `${trace.what} ${at}`;
      if (!here.has(name) && !before.has(name)) see({ ...trace, at });
      here.add(name);
    }
    before = here;
    bytes += chunk.length;
    kept = Buffer.from(piece.subarray(Math.max(0, piece.length - 4 * LONGEST_TRACE)));
  }
  return bytes;
}

/** Traces as they lie, and those in strings that a dump of Redis has compressed. */
function tracesAround(piece: Buffer): Trace[] {
  const packed = [...expandedIn(piece)].flatMap(({ at, text }) =>
    tracesIn(text).map((trace) => ({ ...trace, at })),
  );
  return [...tracesIn(piece), ...packed];
}

function headOf(path: string): number {
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(2);
    readSync(file, head, 0, 2, 0);
    return head.readUInt16BE();
  } finally {
    closeSync(file);
  }
}
