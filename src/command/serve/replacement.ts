/** How soon another worker starts for one that ended, and which worker no longer does anything. */
import type { Millis } from "../../store/store.ts";

const FIRST_PAUSE: Millis = 100;
const LONGEST_PAUSE: Millis = 10_000;

/**
 * None for a worker that served: whatever ended it, starting works, and the port has one worker less until another is
 * there. One that ended before it served says that starting fails, and starting again at once only costs the others.
 *
 * @param failures how many have ended before they served since the last one that did
 */
export function pauseBefore({ served, failures }: { served: boolean; failures: number }): Millis {
  if (served) return 0;
  return Math.min(FIRST_PAUSE * 2 ** Math.max(failures - 1, 0), LONGEST_PAUSE);
}

/** How often a worker says that its event loop turns, and after how many silent times it is taken for stuck. */
export const BEAT_EVERY: Millis = 1_000;
const SILENT_BEATS = 10;

export interface Pulse {
  /** A worker has said something. */
  beat(id: number): void;
  /** It has ended, or is not listened to any more. */
  forget(id: number): void;
  /** One beat has passed; gives the workers that have been silent for too many of them. */
  pass(): number[];
}

/**
 * Listens to workers. Time is counted in the listener's own beats: after a pause of the whole machine, or of the first
 * process alone, nobody has been silent for longer than one.
 */
export function pulse(limit = SILENT_BEATS): Pulse {
  const silent = new Map<number, number>();
  return {
    beat: (id) => void silent.set(id, 0),
    forget: (id) => void silent.delete(id),
    pass() {
      for (const [id, beats] of silent) silent.set(id, beats + 1);
      return [...silent].filter(([, beats]) => beats > limit).map(([id]) => id);
    },
  };
}
