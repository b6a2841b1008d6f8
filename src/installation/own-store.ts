/**
 * Is the store still ours? A Redis that lost its data comes back empty, and an emptied store is not a new provider: as
 * long as it does not say that it is ours, nobody is served from it.
 */
import type { Logger } from "../log.ts";
import type { Standing } from "./meta.ts";

/** How long a foreign store may go unnoticed. */
const EVERY = 1_000;

export interface Ownership {
  isOurs(): boolean;
  stop(): void;
}

interface Watched {
  stillOurs(): Promise<boolean>;
  standing(): Promise<Standing>;
}

/** What the operator is told, and what is to be done. */
const SAYING = {
  foreign: "the store was emptied or exchanged: nothing is served until its data is restored",
  moving: "the store is being moved: nothing is served until that is done or given up",
  moved: "the data has moved: set LATCHKEY_STORE to where it is, and restart",
} as const;

/** `stillOurs` rejects when the store does not answer; then what was known of it stays. */
export function watchOwnership({ stillOurs, standing }: Watched, log: Logger): Ownership {
  let said: Standing["is"] = "ours";
  async function say(): Promise<void> {
    // Of a store that does not answer nothing is known, and it is asked again.
    const found = await standing().catch(() => undefined);
    if (found === undefined || found.is === said) return;
    said = found.is;
    if (found.is === "ours") return log.info({}, "the store is the one of this installation again");
    log.error("to" in found ? { to: found.to } : {}, SAYING[found.is]);
  }
  let ours = true;
  let asking = false;
  async function look(): Promise<void> {
    if (asking) return;
    asking = true;
    const found = await stillOurs().catch(() => ours);
    asking = false;
    const isNews = found !== ours || !found;
    ours = found;
    // A move has two parts, and the second is told as well.
    if (isNews) await say();
  }
  const timer = setInterval(() => void look(), EVERY).unref();
  return { isOurs: () => ours, stop: () => clearInterval(timer) };
}
