/**
 * The short code of a device can be guessed, so guesses are counted where they are judged: before the code is looked
 * up, for the address they come from and for the account that is signed in.
 *
 * Whoever confirms a code that was right a moment ago in the same session is not guessing.
 */
import Provider from "oidc-provider";
import { type Guess, type GuessLimits, guessLimit } from "../../store/guesses.ts";
import { fingerprint } from "../../store/record.ts";
import type { Key, Millis, Store } from "../../store/store.ts";

export interface DeviceGuesses {
  /** @throws `too_many_requests` */
  allow(code: string): Promise<void>;
  /** The code was right: showing it again, to confirm it, is free. */
  right(code: string): Promise<void>;
}

/** As long as a device code lives. */
const SHOWN: Millis = 10 * 60 * 1000;

export function deviceGuesses(store: Store, limits: GuessLimits): DeviceGuesses {
  const count = guessLimit(store, "device", limits);

  return {
    async allow(code) {
      const shown = shownKey(code);
      if (shown && (await store.read(shown))) return;
      await count(guesser());
    },
    async right(code) {
      const shown = shownKey(code);
      if (shown) await store.write(shown, {}, { ttl: SHOWN });
    },
  };
}

/** Whose request this is; the library calls the adapter inside it. */
function guesser(): Guess {
  const ctx = Provider.ctx;
  const { address } = (ctx?.state ?? {}) as { address?: string };
  return { address: address ?? "", account: ctx?.oidc?.session?.accountId };
}

function shownKey(code: string): Key | undefined {
  const uid = Provider.ctx?.oidc?.session?.uid;
  return uid === undefined ? undefined : `deviceshown:${fingerprint(`${uid}:${code}`)}`;
}
