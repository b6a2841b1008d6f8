/**
 * Whether this installation still knows passwords: one record, which every step of the way to zero commits against.
 *
 * It stands here and not in the room of passwords, because that room is not even loaded once the record says `sealed`.
 */
import { recordKind } from "../store/record.ts";
import type { Millis, Store } from "../store/store.ts";

export interface PasswordState {
  /** `sealing`: nobody writes verifiers any more, and the last look is being taken. `sealed`: for ever. */
  seal: "open" | "sealing" | "sealed";
  /** When it became so; milliseconds since the epoch. */
  since: number;
  /** Ids of the keys that verifiers are encrypted under, newest first; none before the first import and once sealed. */
  keys: string[];
  /** The costliest class of hashes that was imported, in its numbers alone: what refusing takes as long as. */
  slowest?: string;
  /** Accounts whose passwords an operator let go at the seal, by id. */
  waived?: string[];
}

/** The kind of the records that hold verifiers, by account id; what is in them is for the room of passwords alone. */
export const VERIFIER = "password";

export const passwordState = recordKind<PasswordState>("passwords");
export const STATE = "state";

/** What stands while no account ever brought a password. */
export const UNTOUCHED: PasswordState = { seal: "open", since: 0, keys: [] };

export async function readPasswordState(store: Store): Promise<PasswordState> {
  return (await passwordState.read(store, STATE))?.value ?? UNTOUCHED;
}

/** How old an answer may be: a sealing is noticed within a second. */
const FRESH: Millis = 500;

/** The state, read at most twice a second. A store that does not answer is asked again by the next caller. */
export function watchPasswordState(store: Store): () => Promise<PasswordState> {
  let known: { state: Promise<PasswordState>; until: number } | undefined;
  return () => {
    const now = performance.now();
    if (known && known.until > now) return known.state;
    const state = readPasswordState(store);
    const reading = { state, until: now + FRESH };
    known = reading;
    state.catch(() => {
      if (known === reading) known = undefined;
    });
    return state;
  };
}
