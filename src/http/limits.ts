/** How often one address may ask. What can be guessed is limited where it is checked; this keeps floods bounded. */
import type { Middleware } from "koa";
import { refuse } from "../errors.ts";
import { addressBucket, type Rate, rateLimit } from "../store/rate.ts";
import type { Store } from "../store/store.ts";
import { stateOf } from "./house.ts";

export interface Limits {
  ceremonies: Rate;
  signUps: Rate;
}

/** Below this share of the limit an address is counted in this process only, and costs the store nothing. */
const LOCAL_SHARE = 0.1;

/** Middleware that refuses with 429 above the rate. */
export function limited(store: Store, what: string, rate: Rate): Middleware {
  const allow = rateLimit(store, what, rate, LOCAL_SHARE);
  return async function limitRate(ctx, next) {
    if (!(await allow(addressBucket(stateOf(ctx).address)))) {
      throw refuse("too_many_requests", { members: { retry_after: Math.ceil(rate.window / 1000) } });
    }
    await next();
  };
}
