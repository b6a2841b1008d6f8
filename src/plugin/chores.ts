/** What is done beside requests: expired records go, names that lead nowhere go, and owed erasures are asked for again. */

import type { Millis, Store } from "../store/store.ts";
import { inTurn, startSweeper } from "../store/sweeper.ts";
import type { HostFoundation } from "./foundation.ts";

export interface Chores {
  stop(): Promise<void>;
}

const OFTEN: Millis = 60_000;
const HOURLY: Millis = 60 * OFTEN;

export function startChores({ house: { accounts, log }, drops }: HostFoundation, store: Store): Chores {
  let walked = false;
  const walk = inTurn(store, "accounts", HOURLY, {
    sweep: async () => (await accounts.sweep()) + ((await drops?.sweep()) ?? 0),
  });
  const retry = {
    async sweep() {
      if (walked || !drops) return drops?.retry() ?? 0;
      walked = true;
      return inTurn(store, "drops", OFTEN, drops).sweep();
    },
  };
  const sweepers = [
    startSweeper(store, { every: OFTEN, log }),
    startSweeper(retry, { every: OFTEN / 2, log }),
    startSweeper(walk, { every: HOURLY, log }),
  ];
  return {
    async stop() {
      await Promise.all(sweepers.map((sweeper) => sweeper.stop()));
    },
  };
}
