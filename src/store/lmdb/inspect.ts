/** What there is to say about the folder of an embedded store. */
import { statfsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { doubtful, type Finding, found, wrong } from "../finding.ts";

const MIB = 1024 * 1024;
/** Below this, and below so many times the data, a copy of a growing file may not fit any more. */
const LEAST_FREE = 256 * MIB;
/** File systems behind a network, by the number that Linux gives them: locks and mapped pages are not kept there. */
const REMOTE: Readonly<Record<number, string>> = {
  26985: "NFS",
  4283649346: "SMB",
  4266872130: "SMB",
  20859: "SMB",
};

export function inspectLmdb(path: string): Finding[] {
  const folder = resolve(path);
  const { bavail, bsize, type } = statfsSync(folder);
  const data = statSync(join(folder, "data.mdb"));
  return [
    found("durability", "disk: a change is on the disk before it is acknowledged"),
    room(folder, bavail * bsize, data.size),
    isPrivate(folder, data.mode),
    REMOTE[type] === undefined
      ? found("file system", "the folder is on this machine")
      : wrong(
          "file system",
          `${folder} is on ${REMOTE[type]}, where an embedded store loses data`,
          "Move the folder to a local disk, or use Redis.",
        ),
  ];
}

function room(folder: string, free: number, size: number): Finding {
  const message = `${Math.floor(free / MIB)} MiB are free beside ${Math.ceil(size / MIB)} MiB of data`;
  return free >= LEAST_FREE
    ? found("disk", message)
    : doubtful("disk", message, `Make room on the disk of ${folder}: without any, nothing can be written.`);
}

function isPrivate(folder: string, mode: number): Finding {
  return (mode & 0o077) === 0
    ? found("data file", "the data can be read by its owner alone")
    : wrong("data file", "the data can be read by others", `Run: chmod 600 ${join(folder, "data.mdb")}`);
}
