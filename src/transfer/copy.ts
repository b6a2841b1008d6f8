/**
 * Moves an installation from one store to another while servers run on it.
 *
 * First everything is copied, and then what has changed meanwhile, until little is left. For the rest the source stands
 * still: a lock, which every server looks at before it writes, holds up writes with 503; when the last differences are
 * across, the source says for ever that it has moved, and only then does the target say whose it is. A copy that is
 * killed leaves a source that serves on when its lock has expired, and a target that nobody serves from.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Clock } from "../clock.ts";
import { refuse } from "../errors.ts";
import type { Item } from "../store/bulk.ts";
import { takeLease } from "../store/lease.ts";
import { inPortions } from "../store/portions.ts";
import { newVersion } from "../store/record.ts";
import type { Key, Millis, Store, Stored } from "../store/store.ts";
import { type KeyShelf, kindOf, PASSWORD_KEY } from "./backup.ts";

export interface Place {
  store: Store;
  /** What it is called in messages: an address without what opens it. */
  name: string;
  shelf: KeyShelf & { destroy(id: string): Promise<void> };
}

export interface CopyOptions {
  from: Place;
  to: Place;
  clock: Clock;
  /** Asked when little is left to copy: whether to move now. */
  mayMove(): Promise<boolean>;
  /** How long it takes until no server writes any more: what it knew of the lock, and a command under way. */
  settle: Millis;
  tell?(what: "copying" | "moving", done: number): void;
}

export interface CopyReport {
  moved: boolean;
  passes: number;
  /** Things in the source: records, members, events and counters. */
  items: number;
  /** How long the source stood still, in milliseconds. */
  stood: number;
}

const META: Key = "meta:store";
/** Says whose copy a store without a master is. */
const COPY: Key = "copy:source";
const LOCK: Millis = 30_000;
const HELD = "Another process moves this store.";
/** Belongs to one store, or is carried over in a way of its own. */
const OWN = new Set(["lock", "copy", "meta", "restore", PASSWORD_KEY]);
/** With fewer differences the source may stand still for the rest. */
const FEW = 500;
const PASSES = 6;

interface Meta {
  id: string;
  moved?: { to: string; at: number };
}

export async function copyStore(options: CopyOptions): Promise<CopyReport> {
  const { from, to, tell } = options;
  const meta = await prepare(from, to);
  let [passes, items] = [0, 0];
  for (let changed = Number.POSITIVE_INFINITY; changed > FEW && passes < PASSES; passes++) {
    ({ changed, items } = await carry(from.store, to.store, (done) => tell?.("copying", done)));
  }
  if (!meta.value.moved && !(await options.mayMove())) return { moved: false, passes, items, stood: 0 };
  const began = performance.now();
  await move(options, meta);
  return { moved: true, passes, items, stood: Math.round(performance.now() - began) };
}

/**
 * The target is empty, or an unfinished copy of this source, or what the source was moved from earlier.
 *
 * @throws `store_refused`
 */
async function prepare(from: Place, to: Place): Promise<Stored<Meta>> {
  const meta = await from.store.read<Meta>(META);
  if (!meta) throw refused(`${from.name} holds no installation.`);
  const { id, moved } = meta.value;
  const there = await to.store.read<Meta>(META);
  if (moved && (moved.to !== to.name || (there && !there.value.moved)))
    throw refused(`${from.name} has moved to ${moved.to} already.`);
  if (there && (there.value.id !== id || !there.value.moved))
    throw refused(`${to.name} is in use: it holds an installation.`);
  const copied = await to.store.read<{ id: string }>(COPY);
  if (copied ? copied.value.id !== id : !there && !(await isEmpty(to.store)))
    throw refused(`${to.name} holds something else. Copy into an empty store.`);
  await to.store.write(COPY, { id });
  return meta;
}

async function isEmpty(store: Store): Promise<boolean> {
  for await (const items of store.bulk.dump()) if (items.length > 0) return false;
  return true;
}

/** Puts everything across that is not there like this. */
async function carry(
  from: Store,
  to: Store,
  tell: (done: number) => void,
  between = async () => {},
): Promise<{ items: number; changed: number }> {
  let [items, changed] = [0, 0];
  for await (const batch of from.bulk.dump()) {
    const belonging = batch.filter(belongs);
    changed += await to.bulk.load(belonging);
    items += belonging.length;
    tell(items);
    await between();
  }
  return { items, changed };
}

/** Takes away what the source does not have any more. Counters end by themselves, and events are for ever. */
async function prune(from: Store, to: Store, between: () => Promise<void>): Promise<void> {
  for await (const batch of to.bulk.dump()) {
    const belonging = batch.filter(belongs);
    const held = await from.bulk.holds(belonging);
    const gone = belonging.filter((_, i) => !held[i]);
    await inPortions(gone, (item) => remove(to, item));
    await between();
  }
}

async function remove(store: Store, item: Item): Promise<void> {
  if (item.sort === "record") await store.remove(item.key);
  if (item.sort === "member") await store.leave(item.key, item.member);
}

function belongs({ key }: Item): boolean {
  return !OWN.has(kindOf(key));
}

/** The source stands still; what is left goes across; the target takes over. */
async function move({ from, to, clock, settle, tell }: CopyOptions, meta: Stored<Meta>): Promise<void> {
  const lease = await takeLease(from.store, "switch", LOCK, HELD);
  try {
    await pause(settle);
    const across = (done: number) => tell?.("moving", done);
    const between = () => lease.renew();
    await prune(from.store, to.store, between);
    // The second time finds nothing, unless a server was asleep.
    let rest = 1;
    for (let i = 0; i < PASSES && rest > 0; i++)
      rest = (await carry(from.store, to.store, across, between)).changed;
    // From then on there is nowhere else where it is: it is kept there, on every server.
    await to.store.bulk.settle();
    if (rest > 0) throw refused(`${from.name} does not stand still: stop its servers, and copy again.`);
    await carryKeys(from, to);
    const { moved: _, ...value } = meta.value;
    await lease.renew(true);
    await retire(from, meta, { to: to.name, at: clock.now() });
    // Had the lock expired in between, somebody may have written.
    await lease.renew(true);
    await carry(from.store, to.store, across);
    await to.store.bulk.settle();
    await to.store.remove(COPY);
    const there = await to.store.read<Meta>(META);
    const how = { expect: there?.version ?? ("absent" as const), version: newVersion(), durable: true };
    if (!(await to.store.commit(META, value, how))) throw refuse("store_conflict", { detail: HELD });
  } finally {
    await lease.release();
  }
}

async function retire(from: Place, meta: Stored<Meta>, moved: Meta["moved"]): Promise<void> {
  if (meta.value.moved) return;
  const how = { expect: meta.version, version: newVersion(), durable: true };
  if (!(await from.store.commit(META, { ...meta.value, moved }, how)))
    throw refuse("store_conflict", { detail: HELD });
}

/** The keys of the verifiers, which lie in files beside an embedded store: exactly those that are left. */
async function carryKeys({ shelf: from }: Place, { shelf: to }: Place): Promise<void> {
  const [kept, there] = await Promise.all([from.list(), to.list()]);
  for (const id of there.filter((one) => !kept.includes(one))) await to.destroy(id);
  for (const id of kept) {
    const wrapped = await from.read(id);
    if (wrapped !== undefined && wrapped !== (await to.read(id))) await to.put(id, wrapped);
  }
}

function refused(detail: string): Error {
  return refuse("store_refused", { detail });
}
