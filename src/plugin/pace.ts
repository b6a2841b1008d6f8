/**
 * When a refusal is answered. What a host's check takes is the host's affair, and known only once it was seen: a bcrypt
 * of a host may well take longer than a quarter of a second, and who has no password is not checked at all. So every
 * refusal waits for the end of the quarter of a second that the longest of the last checks ended in.
 */
import type { Millis } from "../store/store.ts";

const STEP: Millis = 250;
/** Room for the next check to be a little slower than those that were seen. */
const HEADROOM = 1.25;
/** So many checks are remembered: one that was slow for once is forgotten in time. */
const REMEMBERED = 50;
/** A host that stalls for longer than this makes nobody else wait for it. */
const LONGEST: Millis = 2000;

export interface HostPace {
  /** A check took so long. */
  saw(took: Millis): void;
  /** How long a refusal waits that began so long ago. */
  left(elapsed: Millis): Millis;
}

export function hostPace(): HostPace {
  const last: Millis[] = [];
  return {
    saw(took) {
      last.push(Math.min(took * HEADROOM, LONGEST));
      if (last.length > REMEMBERED) last.shift();
    },
    left: (elapsed) => Math.ceil(Math.max(1, elapsed, ...last) / STEP) * STEP - elapsed,
  };
}
