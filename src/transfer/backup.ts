/**
 * What goes into a backup: what stays. Whatever passes by itself (sessions, tokens, challenges, links, counters) is
 * left out, because brought back it would open again what was closed meanwhile; so are passwords, unless the operator
 * says otherwise. Every rule of ours holds within one record, so a backup taken while servers run is sound.
 */
import { VERIFIER } from "../account/password-state.ts";
import type { Item } from "../store/bulk.ts";
import type { Store } from "../store/store.ts";
import type { SealedWriter } from "./sealed-file.ts";

/** Wrapped keys of the verifiers, wherever this store keeps them. */
export interface KeyShelf {
  read(id: string): Promise<string | undefined>;
  put(id: string, wrapped: string): Promise<void>;
  list(): Promise<string[]>;
}

/** The kind of the records in which Redis keeps the keys of the verifiers. */
export const PASSWORD_KEY = "passwordkey";

/** A line of a backup: something that the store keeps, or a key of the verifiers. */
export type Line = Item | { sort: "key"; id: string; wrapped: string };

/** What belongs to a place and a moment, not to the data: locks, mail on its way, links that work once. */
const LEFT_OUT = new Set(["lock", "copy", "restore", "mail", "queue", "invitation"]);

export interface BackupCounts {
  records: number;
  members: number;
  events: number;
  passwords: number;
}

export async function backup(
  store: Store,
  writer: SealedWriter,
  { passwords, tell }: { passwords?: KeyShelf | undefined; tell?: (done: number) => void },
): Promise<BackupCounts> {
  const counts: BackupCounts = { records: 0, members: 0, events: 0, passwords: 0 };
  // Events after everything else: what a seal of the audit log covers is then there, too.
  for (const events of [false, true]) {
    for await (const items of store.bulk.dump()) {
      for (const item of items) {
        if ((item.sort === "event") !== events || !stays(item) || (isPassword(item) && !passwords)) continue;
        writer.line(JSON.stringify(item satisfies Line));
        count(counts, item);
      }
      tell?.(counts.records + counts.members + counts.events);
    }
  }
  for (const id of (await passwords?.list()) ?? []) {
    const wrapped = await passwords?.read(id);
    if (wrapped !== undefined) writer.line(JSON.stringify({ sort: "key", id, wrapped } satisfies Line));
  }
  return counts;
}

/** The id of the key that a verifier is encrypted under, which stands in it: `lkpw1.<key id>.…`. */
export function keyOfVerifier(value: unknown): string {
  const { sealed = "" } = value as { sealed?: string };
  return sealed.split(".")[1] ?? "";
}

export function kindOf(key: string): string {
  return key.slice(0, key.indexOf(":"));
}

/** Whether something is part of the data rather than of what goes on at the moment. */
export function stays(item: Item): boolean {
  if (item.sort === "counter" || ("ttl" in item && item.ttl !== undefined)) return false;
  return !LEFT_OUT.has(kindOf(item.key)) && kindOf(item.key) !== PASSWORD_KEY;
}

function isPassword(item: Item): boolean {
  return item.sort === "record" && kindOf(item.key) === VERIFIER;
}

function count(counts: BackupCounts, item: Item): void {
  if (item.sort === "member") counts.members++;
  else if (item.sort === "event") counts.events++;
  else if (isPassword(item)) counts.passwords++;
  else counts.records++;
}
