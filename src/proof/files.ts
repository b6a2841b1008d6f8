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

export interface Looked {
  bytes: number;
  traces: Trace[];
}

/** Gives what is inside of a file that it can open, or nothing for one that is none of its kind. */
export type Unpack = (path: string) => AsyncIterable<Buffer> | undefined;

/** @throws what the file system says, when a file cannot be read: then nothing is proved */
export async function lookThrough(path: string, unpack: Unpack = () => undefined): Promise<Looked> {
  const key = KEY_FILE.exec(path)?.groups?.id;
  if (key !== undefined) return { bytes: statSync(path).size, traces: [{ what: "key", at: 0, keyId: key }] };
  const stream = createReadStream(path, { highWaterMark: 1024 * 1024 });
  const packed = headOf(path) === GZIP;
  // A file that only begins like one is looked through as it is, too.
  const plain = await lookThroughStream(stream);
  const opened = unpack(path);
  if (opened) return { ...plain, traces: [...plain.traces, ...(await lookThroughStream(opened)).traces] };
  if (!packed) return plain;
  const inside = await lookThroughStream(createReadStream(path).pipe(createGunzip())).catch(() => undefined);
  return { bytes: plain.bytes, traces: [...plain.traces, ...(inside?.traces ?? [])] };
}

async function lookThroughStream(stream: AsyncIterable<Buffer>): Promise<Looked> {
  const traces = new Map<string, Trace>();
  let bytes = 0;
  let kept = Buffer.alloc(0);
  for await (const chunk of stream) {
    const piece = Buffer.concat([kept, chunk]);
    const start = bytes - kept.length;
    // Where two pieces overlap a trace is seen twice, at one place.
    for (const trace of tracesAround(piece)) {
      const at = start + trace.at;
      traces.set(`${trace.what} ${at}`, { ...trace, at });
    }
    bytes += chunk.length;
    kept = Buffer.from(piece.subarray(Math.max(0, piece.length - 4 * LONGEST_TRACE)));
  }
  return { bytes, traces: [...traces.values()] };
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
