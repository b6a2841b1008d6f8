/**
 * When a refusal is answered. Imported hashes cost from nine to hundreds of milliseconds each, and no one dummy costs
 * what all of them do; so whatever was computed, a refusal comes at the end of a quarter of a second that the costliest
 * class of the store ends in, too.
 */
import { randomBytes } from "node:crypto";
import type { Millis } from "../store/store.ts";
import { isCostlier } from "./cost.ts";
import { formatHash } from "./format.ts";
import type { LegacyHash } from "./hash.ts";
import { matches } from "./match.ts";
import { parseHash } from "./parse.ts";

const STEP: Millis = 250;
/** Room for a machine that is busier than when the class was measured. */
const HEADROOM = 1.5;

/** What is computed while no class is known. */
const PLAIN = "$2b$10$......................7uHH0M1Fr9PAWLuXZ1gBvxqKMM/ATkW";

/** The end of the quarter of a second. */
export function boundary(elapsed: Millis, least: Millis): Millis {
  return Math.max(least, Math.ceil(elapsed / STEP) * STEP);
}

export interface Pace {
  /** What is computed for nobody. */
  decoy: LegacyHash;
  /** Resolves at the boundary for what began at `started` (`performance.now()`). */
  refusal(started: number): Promise<void>;
}

/** Measures the class once, on this machine, as it is now. */
export async function paceOf(slowest: string | undefined): Promise<Pace> {
  const decoy = parseHash(slowest ?? PLAIN) ?? (parseHash(PLAIN) as LegacyHash);
  const started = performance.now();
  await matches(decoy, "measured");
  const least = boundary((performance.now() - started) * HEADROOM, STEP);
  return {
    decoy,
    refusal: (from) => {
      const left = boundary(performance.now() - from, least) - (performance.now() - from);
      return new Promise((resolve) => setTimeout(resolve, left));
    },
  };
}

/** A hash of nothing, of the same class: what may stand in the open. */
export function decoyOf(hash: LegacyHash): string {
  if (hash.scheme === "bcrypt") {
    const cost = String(hash.cost).padStart(2, "0");
    return `$2b$${cost}$${PLAIN.slice(7)}`;
  }
  const [salt, made] = [randomBytes(hash.salt.length), randomBytes(hash.hash.length)];
  return formatHash({ ...hash, salt, hash: made });
}

/** The costlier of two classes, as the decoy that stands for it. */
export function slower(known: string | undefined, hash: LegacyHash): string | undefined {
  const before = known === undefined ? undefined : parseHash(known);
  return before && !isCostlier(hash, before) ? known : decoyOf(hash);
}
