/**
 * A handler that always signs with the keys that hold now. The library takes its keys when it is made, so when they
 * change a new one is made, and takes the place of the old, which finishes what it has begun.
 */
import type { RequestListener } from "node:http";
import type { Logger } from "../log.ts";

/** How old an answer may be. */
const EVERY = 1_000;

export interface KeyWatch {
  handler: RequestListener;
  stop(): Promise<void>;
}

/**
 * @param state names what signs and what is published; a store that does not answer changes nothing
 * @param build makes the handler for the keys as they are
 */
export async function watchKeys(
  state: () => Promise<string | undefined>,
  build: () => Promise<RequestListener>,
  log: Logger,
): Promise<KeyWatch> {
  let known = await state();
  let current = await build();
  // The first start on a new store makes the keys.
  known ??= await state();
  let looking: Promise<void> | undefined;
  async function look(): Promise<void> {
    try {
      const found = await state();
      if (found === undefined || found === known) return;
      current = await build();
      known = found;
      log.info({ keys: found }, "the signing keys have changed");
    } catch (err) {
      log.warn({ err }, "the signing keys could not be read anew");
    }
  }
  const timer = setInterval(() => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
  }, EVERY).unref();
  return {
    handler: (request, response) => current(request, response),
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}
