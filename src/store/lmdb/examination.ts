/** The embedded store laid open: every cell, and the file that they lie in. */
import { join, resolve } from "node:path";
import { BATCH } from "../limits.ts";
import type { Examination, Piece } from "../store.ts";
import type { LmdbDatabase } from "./database.ts";
import { following } from "./keys.ts";

export function lmdbExamination(database: LmdbDatabase, path: string): Examination {
  return {
    everything: () => everything(database),
    files: async () => [join(resolve(path), "data.mdb")],
    // Free pages stay until the one process that has the folder alone compacts it.
    rewrite: async () => {},
  };
}

async function* everything(database: LmdbDatabase): AsyncGenerator<Piece> {
  let start = Buffer.alloc(1);
  for (;;) {
    const page = await database.look(() => database.raw(start, BATCH));
    for (const { key, text } of page) yield { place: nameOf(key), bytes: Buffer.from(`${key}\n${text}`) };
    const last = page.at(-1);
    if (!last || page.length < BATCH) return;
    start = following(last.key);
  }
}

/** Without the letter that says what a key is; what is no text in it is left out. */
function nameOf(key: Buffer): string {
  return key
    .subarray(1)
    .toString()
    .replace(/[^\x20-\x7e]+/g, "");
}
