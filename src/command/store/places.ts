/** Stores as commands name them, and where each keeps the keys of the verifiers. */
import { resolve } from "node:path";
import { maskAddress } from "../../config/quote.ts";
import { connectStore } from "../../store/connect.ts";
import type { Store } from "../../store/store.ts";
import type { Place } from "../../transfer/copy.ts";
import { type Context, UsageError, warnings } from "../context.ts";

/** The folder of an embedded store. */
function folderOf(address: string): string | undefined {
  return address.startsWith("lmdb:") ? address.slice("lmdb:".length) : undefined;
}

/** Files beside an embedded store, records in another one. The room of passwords is loaded for it. */
export async function shelfOf(store: Store, address: string): Promise<Place["shelf"]> {
  const { fileShelf, storeShelf } = await import("../../password/shelf.ts");
  const folder = folderOf(address);
  return folder === undefined ? storeShelf(store) : fileShelf(resolve(folder));
}

/**
 * Opens a store by an address from the command line. One Redis is asked for no more than it was set up for, as by a
 * server: what it does not keep is a reason to leave it, and what it loses of a copy the copy has brought in order, so
 * that the record which makes it ours is lost first, and the next copy goes on.
 *
 * @throws {UsageError} for one that holds a password
 */
export async function openPlace(context: Context, address: string): Promise<Place> {
  const folder = folderOf(address);
  const absolute = folder === undefined ? address : `lmdb:${resolve(context.terminal.cwd, folder)}`;
  if (/^[a-z+]+:\/\/[^/?#]*:[^/?#@]+@/.test(address) && context.terminal.env.LATCHKEY_STORE !== address) {
    const hint = "name it in LATCHKEY_STORE and write - in its place";
    throw new UsageError(`an address with a password does not belong on a command line: ${hint}`);
  }
  const asked = /^rediss?:/.test(absolute) ? { durability: "configured" as const } : {};
  const store = await connectStore(absolute, { log: warnings(context.terminal), ...asked });
  return { store, name: maskAddress(absolute), shelf: await shelfOf(store, absolute) };
}
