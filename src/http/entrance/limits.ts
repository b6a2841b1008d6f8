/** How often one address may ask. What can be guessed is limited where it is checked; this keeps floods bounded. */
import type { Context } from "koa";
import { refuse } from "../../errors.ts";
import { addressBucket, type Rate, rateLimit } from "../../store/rate.ts";
import type { Store } from "../../store/store.ts";
import type { RequestState } from "./request.ts";

export interface Limits {
  ceremonies: Rate;
  signUps: Rate;
}

/** Below this share of the limit an address is counted in this process only, and costs the store nothing. */
const LOCAL_SHARE = 0.1;

/** Counts a request for its address. @throws `too_many_requests` above the rate */
export type Admission = (ctx: Pick<Context, "state">) => Promise<void>;

export function admission(store: Store, what: string, rate: Rate): Admission {
  const allow = rateLimit(store, what, rate, LOCAL_SHARE);
  return async ({ state }) => {
    if (await allow(addressBucket((state as RequestState).address))) return;
    throw refuse("too_many_requests", { members: { retry_after: Math.ceil(rate.window / 1000) } });
  };
}
