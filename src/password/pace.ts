/**
 * When a refusal is answered. Imported hashes cost from nine to hundreds of milliseconds each, and no one dummy costs
 * what all of them do; so whatever was computed, a refusal comes at the end of a quarter of a second that the costliest
 * class of the store ends in, too.
 */
import type { Millis } from "../store/store.ts";
import { decoyOf } from "./class.ts";
import type { LegacyHash } from "./hash.ts";
import { matches } from "./match.ts";

const STEP: Millis = 250;
/** Room for a machine that is busier than when the class was measured. */
const HEADROOM = 1.5;

/** What is computed while no class is known. */
const USUAL = "bcrypt:10";

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
  const decoy = decoyOf(slowest ?? USUAL) ?? (decoyOf(USUAL) as LegacyHash);
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
