/** The time, injected everywhere so that tests can move it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

/** The machine's own clock. */
export const systemClock: Clock = { now: () => Date.now() };

/** `2026-11-22`: the precision at which "last used" is kept, so that most sign-ins write no account. */
export function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** Seconds since the epoch, as in JWT claims. */
export function epoch(clock: Clock): number {
  return Math.floor(clock.now() / 1000);
}
