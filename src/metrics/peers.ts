/** The processes that serve together, as one of them sees the others. */
import type { Snapshot } from "./snapshot.ts";

export interface Peers {
  /** From now on this process says what it has counted whenever another one asks. */
  join(own: () => Promise<Snapshot>): Membership;
}

export interface Membership {
  /** What all of them have counted, this one and those that ended among them. Rejects when nobody gathers it in time. */
  gather(): Promise<readonly Snapshot[]>;
  /** Leaves what this process has counted to the others. */
  leave(): Promise<void>;
}

/** A process by itself. */
export const alone: Peers = {
  join: (own) => ({ gather: async () => [await own()], leave: async () => {} }),
};
