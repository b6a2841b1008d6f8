/**
 * Where password keys lie, so that destroying one is real. Beside an embedded store each has a file of its own: a
 * record that is removed from LMDB stays readable in free pages. In Redis each is a record, gone from its files with
 * their next rewrite, which a purge and the seal ask for.
 */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { newVersion, recordKind } from "../store/record.ts";
import type { Store } from "../store/store.ts";

/** Keeps wrapped keys by their ids. */
export interface Shelf {
  read(id: string): Promise<string | undefined>;
  /** Returns when the key would survive a crash. */
  put(id: string, wrapped: string): Promise<void>;
  destroy(id: string): Promise<void>;
  list(): Promise<string[]>;
}

/** An id as {@link newVersion} makes them; anything else is no name of a file of ours. */
const ID = /^[\w-]{1,32}$/;
const FILE = /^password-([\w-]{1,32})\.key$/;

/** One file for each key, readable by the owner alone. */
export function fileShelf(folder: string): Shelf {
  const pathOf = (id: string) => {
    if (!ID.test(id)) throw new TypeError("not the id of a password key");
    return join(folder, `password-${id}.key`);
  };
  return {
    async read(id) {
      try {
        return readFileSync(pathOf(id), "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    async put(id, wrapped) {
      const path = pathOf(id);
      writeDurably(`${path}.new`, wrapped);
      renameSync(`${path}.new`, path);
      flushFolder(folder);
    },
    async destroy(id) {
      // A crash may have left the copy that was going to take its place.
      for (const path of [`${pathOf(id)}.new`, pathOf(id)]) overwrite(path);
      flushFolder(folder);
    },
    list: async () => readdirSync(folder).flatMap((name) => FILE.exec(name)?.[1] ?? []),
  };
}

/** Where the disk writes in place, nothing is left of it; elsewhere the blocks are free, and what is in them wrapped. */
function overwrite(path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) return;
  writeDurably(path, randomBytes(size).toString("latin1"), "r+");
  rmSync(path, { force: true });
}

function writeDurably(path: string, text: string, flags = "w"): void {
  const file = openSync(path, flags, 0o600);
  try {
    writeSync(file, text, 0, "latin1");
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  chmodSync(path, 0o600);
}

/** A name is on the disk when its folder is. */
function flushFolder(folder: string): void {
  const file = openSync(folder, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

const keyRecord = recordKind<{ wrapped: string }>("passwordkey");

/** A record for each key. */
export function storeShelf(store: Store): Shelf {
  return {
    read: async (id) => (await keyRecord.read(store, id))?.value.wrapped,
    async put(id, wrapped) {
      const found = await keyRecord.read(store, id);
      const how = { expect: found?.version ?? ("absent" as const), version: newVersion(), durable: true };
      await store.commit(keyRecord.key(id), keyRecord.encode({ wrapped }), how);
    },
    destroy: (id) => store.remove(keyRecord.key(id), { durable: true }),
    async list() {
      const ids = new Set<string>();
      for await (const { entries } of store.scan(keyRecord.kind)) {
        for (const { key } of entries) ids.add(key.slice(keyRecord.kind.length + 1));
      }
      return [...ids];
    },
  };
}
