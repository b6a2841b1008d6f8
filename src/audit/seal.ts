/**
 * Seals over the log. Appending must be repeatable and touch one key, so an event cannot name the one before it. Instead,
 * every few minutes some instance seals what has come since: a seal holds, for each day that grew, how many events there
 * are up to which place and a hash chained over all of them, and a MAC over that and the seal before. The key is random
 * and wrapped under the root secret.
 *
 * Whoever can write to the store but does not know the root secret cannot change, remove, insert or reorder what was
 * sealed without `audit verify` saying so. Not seen: what is done before the next seal, by somebody who has the root
 * secret, or by putting back an older state of the whole store; against the last, keep the newest seal elsewhere.
 */
import { createHash, createHmac, randomBytes } from "node:crypto";
import { day } from "../clock.ts";
import type { Event } from "../events.ts";
import { change } from "../store/change.ts";
import { newVersion, recordKind } from "../store/record.ts";
import type { Cursor, Millis, Store } from "../store/store.ts";
import type { Vault } from "../vault.ts";
import { days, logOf } from "./events.ts";

/** How far a day's log has been sealed. */
export interface Extent {
  cursor: Cursor;
  count: number;
  hash: string;
}

export interface Seal {
  n: number;
  /** The MAC of the seal before; empty for the first. */
  previous: string;
  at: number;
  days: Record<string, Extent>;
  mac: string;
}

/** Where sealing stands; follows from the seals, and saves reading them all. */
interface Head {
  n: number;
  mac: string;
  days: Record<string, Extent>;
}

export const sealRecord = recordKind<Seal>("auditseal");
export const headRecord = recordKind<Head>("auditseals");
const keyRecord = recordKind<{ wrapped: string }>("auditkey");
export const HEAD = "head";
const KEY = "mac";
const CONTEXT = "audit";
/** An event may wait in its document; it is logged on its own day, late. */
const LATE: Millis = 3 * 24 * 60 * 60 * 1000;
export const NOTHING: Extent = { cursor: "", count: 0, hash: "" };

/** The key of the MACs; the first seal makes it. */
export async function auditKey(store: Store, vault: Vault): Promise<Buffer> {
  const decide = (found: { wrapped: string } | undefined) => {
    if (found && vault.isCurrent(found.wrapped, CONTEXT)) return { value: undefined, result: found.wrapped };
    const key = found ? vault.open(found.wrapped, CONTEXT) : randomBytes(32).toString("base64url");
    const wrapped = vault.wrap(key, CONTEXT);
    return { value: { wrapped }, result: wrapped };
  };
  const wrapped = await change(store, keyRecord, KEY, decide, { durable: true });
  return Buffer.from(vault.open(wrapped, CONTEXT), "base64url");
}

/** The key, if there is one. @throws `secret_mismatch` */
export async function knownKey(store: Store, vault: Vault): Promise<Buffer | undefined> {
  const found = await keyRecord.read(store, KEY);
  return found && Buffer.from(vault.open(found.value.wrapped, CONTEXT), "base64url");
}

export function fold(extent: Extent, event: Event, cursor: Cursor): Extent {
  const hash = createHash("sha256").update(extent.hash).update(JSON.stringify(event)).digest("base64url");
  return { cursor, count: extent.count + 1, hash };
}

export function macOf(key: Buffer, { n, previous, at, days: sealed }: Omit<Seal, "mac">): string {
  const ordered = Object.entries(sealed)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([date, { cursor, count, hash }]) => [date, cursor, count, hash]);
  return createHmac("sha256", key)
    .update(JSON.stringify([n, previous, at, ordered]))
    .digest("base64url");
}

/**
 * Seals what has come since the last seal; returns how many events that were. Of several instances that seal at once
 * one does.
 *
 * @param since when the installation was made: no event is older
 */
export async function sealLog(
  { store, vault, clock }: { store: Store; vault: Vault; clock: { now(): number } },
  since: number,
): Promise<number> {
  const key = await auditKey(store, vault);
  const found = await headRecord.read(store, HEAD);
  const head = await caughtUp(store, found?.value ?? { n: 0, mac: "", days: {} });
  const last = Object.keys(head.days).sort().at(-1);
  const from = last === undefined ? since : Date.parse(last);
  const grown: Record<string, Extent> = {};
  let count = 0;
  for (const date of days(day(from - LATE), day(clock.now()))) {
    const before = head.days[date] ?? NOTHING;
    let extent = before;
    const tail = store.tail(logOf(date), before.cursor === "" ? undefined : before.cursor);
    for await (const { event, cursor } of tail) extent = fold(extent, event, cursor);
    if (extent.count === before.count) continue;
    grown[date] = extent;
    count += extent.count - before.count;
  }
  if (count === 0) return 0;
  const unsigned = { n: head.n + 1, previous: head.mac, at: clock.now(), days: grown };
  const seal: Seal = { ...unsigned, mac: macOf(key, unsigned) };
  const how = { expect: "absent", version: newVersion(), durable: true } as const;
  if (!(await store.commit(sealRecord.key(String(seal.n)), sealRecord.encode(seal), how))) return 0;
  const version = newVersion();
  const next = { n: seal.n, mac: seal.mac, days: { ...head.days, ...grown } };
  await store.commit(headRecord.key(HEAD), headRecord.encode(next), {
    expect: found?.version ?? "absent",
    version,
  });
  return count;
}

/** With the seals that somebody made and did not live to say so. */
async function caughtUp(store: Store, head: Head): Promise<Head> {
  const next = await sealRecord.read(store, String(head.n + 1));
  if (!next) return head;
  const { n, mac, days: sealed } = next.value;
  return caughtUp(store, { n, mac, days: { ...head.days, ...sealed } });
}
