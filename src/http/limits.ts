/** How often one address may ask. What can be guessed is limited where it is checked; this keeps floods bounded. */
import type { Middleware } from "koa";
import { refuse } from "../errors.ts";
import { fingerprint } from "../store/record.ts";
import type { Millis, Store } from "../store/store.ts";
import { stateOf } from "./house.ts";

/** So many times in so much time. */
export interface Rate {
  count: number;
  window: Millis;
}

export interface Limits {
  ceremonies: Rate;
  signUps: Rate;
}

/** Addresses remembered at a time; a flood of addresses forgets the oldest. */
const REMEMBERED = 10_000;
/** Below this share of the limit an address is counted in this process only, and costs the store nothing. */
const LOCAL_SHARE = 0.1;

/**
 * Middleware that refuses with 429 above the rate. The count is shared by all instances; when the store cannot count,
 * this process's own count holds, so that a store that is away opens nothing.
 */
export function limited(store: Store, what: string, { count: limit, window }: Rate): Middleware {
  const local = new Map<string, { count: number; until: number }>();

  function countHere(address: string): number {
    const now = performance.now();
    const known = local.get(address);
    const entry = known && known.until > now ? known : { count: 0, until: now + window };
    entry.count++;
    local.delete(address);
    local.set(address, entry);
    if (local.size > REMEMBERED) local.delete(local.keys().next().value as string);
    return entry.count;
  }

  return async function limitRate(ctx, next) {
    const bucket = bucketOf(stateOf(ctx).address);
    const here = countHere(bucket);
    const shared = here > limit * LOCAL_SHARE ? await countEverywhere(store, `${what}:${bucket}`, window) : 0;
    if (Math.max(here, shared) > limit) {
      ctx.set("retry-after", String(Math.ceil(window / 1000)));
      throw refuse("too_many_requests");
    }
    await next();
  };
}

async function countEverywhere(store: Store, name: string, window: Millis): Promise<number> {
  try {
    return await store.count(`limit:${fingerprint(name)}`, window);
  } catch {
    return 0;
  }
}

/** An IPv6 customer has a /64; spellings of one address are one address. */
export function bucketOf(address: string): string {
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
