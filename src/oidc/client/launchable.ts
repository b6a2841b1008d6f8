/**
 * Which clients can be launched from the portal: an ordered set of their ids, so that nobody walks the store for a page.
 * It is a hint, the records are the truth: an id may be in it whose client has nothing to launch any more, or is gone.
 */
import type { Key, Store } from "../../store/store.ts";
import { type Client, clientRecord } from "./record.ts";

const LAUNCHABLE: Key = "launchable:all";
/** That the set was made once from what the store had before there was one. */
const MADE: Key = "launchableset:all";

/** More than anybody finds his way through. */
const MOST_APPS = 1000;

/** Something that a person can open, and an address at which it begins. */
export function isLaunchable({ kind, initiateLoginUri, clientUri }: Client): boolean {
  return kind !== "machine" && (initiateLoginUri !== undefined || clientUri !== undefined);
}

/** Called before the record is written: what the portal does not find, nobody can open. */
export async function listLaunchable(store: Store, client: Client): Promise<void> {
  if (isLaunchable(client)) await store.join(LAUNCHABLE, client.id);
}

export function unlistLaunchable(store: Store, id: string): Promise<void> {
  return store.leave(LAUNCHABLE, id);
}

export function launchableIds(store: Store): Promise<string[]> {
  return store.members(LAUNCHABLE, { limit: MOST_APPS });
}

/** Lists what a version wrote that did not know of the portal; walks over the store, and removes nothing. */
export async function listAllLaunchable(store: Store): Promise<0> {
  for await (const { entries } of store.scan(clientRecord.kind)) {
    for (const { value } of entries) await listLaunchable(store, clientRecord.decode(value as object));
  }
  await store.write(MADE, {});
  return 0;
}

/** The same, where it was never done. */
export async function listLaunchableOnce(store: Store): Promise<void> {
  if ((await store.read(MADE)) === undefined) await listAllLaunchable(store);
}
