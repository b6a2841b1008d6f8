/** What can be guessed is counted before it is judged: for the account it would open, and for where it comes from. */
import { refuse } from "../errors.ts";
import { addressBucket, type Rate, rateLimit } from "./rate.ts";
import type { Store } from "./store.ts";

export interface GuessLimits {
  perAccount: Rate;
  perAddress: Rate;
}

/** Who guesses, and at what; without an account only the address is counted. */
export interface Guess {
  address: string;
  account?: string | undefined;
}

/**
 * A limit on guesses of one kind of secret.
 *
 * @returns counts one guess; throws `too_many_requests` above either rate
 */
export function guessLimit(store: Store, what: string, limits: GuessLimits): (guess: Guess) => Promise<void> {
  const ofAccount = rateLimit(store, `${what}:account`, limits.perAccount);
  const ofAddress = rateLimit(store, `${what}:address`, limits.perAddress);
  return async ({ address, account }) => {
    const [addressKept, accountKept] = await Promise.all([
      ofAddress(addressBucket(address)),
      account === undefined ? true : ofAccount(account),
    ]);
    if (addressKept && accountKept) return;
    const { window } = addressKept ? limits.perAccount : limits.perAddress;
    throw refuse("too_many_requests", { members: { retry_after: Math.ceil(window / 1000) } });
  };
}

export interface CodeGuesses {
  confirm(guess: Guess): Promise<void>;
  /** For the name that was typed: who is refused here learns nothing of whose name it is. */
  recovery(guess: Guess): Promise<void>;
  /** For the account, under whichever of its names; where it is false, the answer is that to a wrong code. */
  recoveryOf(account: string): Promise<boolean>;
}

/** The limits on codes that are typed, each made once, so that a store that is away opens nothing. */
export function codeGuesses(store: Store, limits: GuessLimits): CodeGuesses {
  return {
    confirm: guessLimit(store, "confirm", limits),
    recovery: guessLimit(store, "recovery", limits),
    recoveryOf: rateLimit(store, "recovery:id", limits.perAccount),
  };
}
