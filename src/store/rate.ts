/** How often something may happen, counted by all instances together. */
import { fingerprint } from "./record.ts";
import type { Millis, Store } from "./store.ts";

/** So many times in so much time. */
export interface Rate {
  count: number;
  window: Millis;
}

/** Counts one more for a bucket; true while the rate is kept. */
export type RateLimit = (bucket: string) => Promise<boolean>;

/**
 * Buckets remembered in this process at a time; a flood of them forgets the oldest. Where the store counts each, this
 * process's count is for the time when it is away; where it counts only who asks often, whoever asks often is remembered.
 */
const REMEMBERED = { always: 10_000, often: 2_000 };

/**
 * A limit on what one bucket does. The count is shared by all instances; when the store cannot count, this process's
 * own count holds, so that a store that is away opens nothing.
 *
 * `local` is the share of the rate below which a bucket is counted in this process only and costs the store nothing:
 * for what is limited to bound floods. What can be guessed has none.
 */
export function rateLimit(store: Store, what: string, { count, window }: Rate, local = 0): RateLimit {
  const remembered = local === 0 ? REMEMBERED.always : REMEMBERED.often;
  const here = new Map<string, { count: number; until: number }>();

  function countHere(bucket: string): number {
    const now = performance.now();
    const known = here.get(bucket);
    const entry = known && known.until > now ? known : { count: 0, until: now + window };
    entry.count++;
    here.delete(bucket);
    here.set(bucket, entry);
    if (here.size > remembered) here.delete(here.keys().next().value as string);
    return entry.count;
  }

  return async (bucket) => {
    const own = countHere(bucket);
    if (own <= count * local) return true;
    const shared = await store.count(`limit:${fingerprint(`${what}:${bucket}`)}`, window).catch(() => 0);
    return Math.max(own, shared) <= count;
  };
}

/** An IPv6 customer has a /64; spellings of one address are one address. */
export function addressBucket(address: string): string {
  if (!address.includes(":")) return address.toLowerCase();
  const plain = address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, "");
  if (!plain.includes(":")) return plain;
  const [head = "", tail = ""] = plain.split("%")[0]?.split("::") ?? [];
  const left = head.split(":").filter(Boolean);
  const right = tail.split(":").filter(Boolean);
  const zeros = plain.includes("::")
    ? Array<string>(Math.max(0, 8 - left.length - right.length)).fill("0")
    : [];
  return [...left, ...zeros, ...right]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":");
}
