/**
 * Is the store still ours? A Redis that lost its data comes back empty, and an emptied store is not a new provider: as
 * long as it does not say that it is ours, nobody is served from it.
 */
import type { Logger } from "../log.ts";

/** How long a foreign store may go unnoticed. */
const EVERY = 1_000;

export interface Ownership {
  isOurs(): boolean;
  stop(): void;
}

/** @param stillOurs rejects when the store does not answer; then what was known of it stays */
export function watchOwnership(stillOurs: () => Promise<boolean>, log: Logger): Ownership {
  let ours = true;
  let asking = false;
  async function look(): Promise<void> {
    if (asking) return;
    asking = true;
    const found = await stillOurs().catch(() => ours);
    asking = false;
    if (found === ours) return;
    ours = found;
    if (ours) log.info({}, "the store is the one of this installation again");
    else log.error({}, "the store was emptied or exchanged: nothing is served until its data is restored");
  }
  const timer = setInterval(() => void look(), EVERY).unref();
  return { isOurs: () => ours, stop: () => clearInterval(timer) };
}
