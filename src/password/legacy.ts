/**
 * Signing in with a password that an import brought. Whatever is wrong, the work and the moment of the answer are the
 * same: nobody learns whether an account exists, has a password, or left it behind.
 */
import type { Account } from "../account/account.ts";
import { accountRecord } from "../account/account.ts";
import { directory } from "../account/directory.ts";
import type { LegacyPasswords } from "../account/legacy.ts";
import { canonicalLogin } from "../account/names.ts";
import { watchPasswordState } from "../account/password-state.ts";
import { hasOpenPassword, usePassword } from "../account/password-way.ts";
import { revise } from "../account/revise.ts";
import { isRefusal, refuse } from "../errors.ts";
import { addressBucket, type Rate, type RateLimit, rateLimit } from "../store/rate.ts";
import type { Stored } from "../store/store.ts";
import { gate, hashesAtOnce } from "./gate.ts";
import type { LegacyHash } from "./hash.ts";
import { keyRing, type Safe } from "./keys.ts";
import { matches } from "./match.ts";
import { type Pace, paceOf } from "./pace.ts";
import { parseHash } from "./parse.ts";
import { keyIdOf, openVerifier, readVerifier, removeVerifier } from "./verifiers.ts";

/** How often a password may be guessed. */
export interface GuessRates {
  perAccount: Rate;
  perAddress: Rate;
}

export interface LegacyOptions extends Safe {
  guesses: GuessRates;
  /** How many processes share this machine's port. */
  workers?: number;
}

/** No account has this id: what is read for those who have none. */
const NOBODY = "nobody";

/** Longer input is nobody's password; it is refused at the same cost as any other. */
const LONGEST_PASSWORD = 4096;

/** The way in over verifiers of our own; see {@link LegacyPasswords}. */
export function legacyPasswords(options: LegacyOptions): LegacyPasswords {
  const { store } = options;
  const state = watchPasswordState(store);
  const admit = admission(options);
  const judge = judgement(options);
  const turn = gate({ atOnce: hashesAtOnce(options.workers) });
  const paceFor = paceKeeper();
  const available = async () => {
    const { seal, keys } = await state();
    return seal !== "sealed" && keys.length > 0;
  };
  return {
    available,
    async verify(login, password, address) {
      if (!(await available())) throw refuse("not_found");
      await admit(login, address);
      const { slowest } = await state();
      const { account, refusal } = await turn.run(async () => {
        const pace = await paceFor(slowest);
        const started = performance.now();
        return { account: await judge(login, password, pace), refusal: () => pace.refusal(started) };
      });
      if (account) return account;
      // Not in the gate: whoever waits for the boundary needs no core.
      await refusal();
      throw refuse("authentication_failed");
    },
    async forget(accountId) {
      const found = await accountRecord.read(store, accountId);
      if (found?.value.password?.state === "open")
        throw new TypeError("a verifier goes after its account says that the password is closed");
      await removeVerifier(store, accountId);
    },
  };
}

/** Notes the day. A store that has other work just now does not undo a sign-in. */
async function remember(options: LegacyOptions, id: string): Promise<void> {
  try {
    await revise(options, id, usePassword);
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
}

/** The account behind a name and its password, or nothing, at the same work and with the same reads. */
export type Judgement = (login: string, password: string, pace: Pace) => Promise<Stored<Account> | undefined>;

export function judgement(options: LegacyOptions): Judgement {
  const people = directory(options.store);
  const hashOf = verifierReader(options);
  const ownGuesses = rateLimit(options.store, "password:id", options.guesses.perAccount);
  return async (login, password, { decoy }) => {
    const found = await people.findByLogin(login);
    const typed = Buffer.byteLength(password) <= LONGEST_PASSWORD ? password : undefined;
    // Whoever guesses by name and by address has no more guesses; here nothing says so.
    const mayTry = found !== undefined && hasOpenPassword(found.value) && (await ownGuesses(found.value.id));
    const id = mayTry ? found.value.id : NOBODY;
    const hash = await hashOf(id);
    const fits = await matches(hash ?? decoy, typed ?? "");
    const right = fits && hash !== undefined && typed !== undefined;
    if (right) await remember(options, id);
    // SEC-138: what was true before the work may not be true any more.
    const again = await people.find(id);
    return right && again && hasOpenPassword(again.value) ? again : undefined;
  };
}

/** Counts a guess before anything is looked up. @throws `too_many_requests` */
function admission({ store, guesses }: LegacyOptions): (login: string, address: string) => Promise<void> {
  const ofAccount = rateLimit(store, "password:login", guesses.perAccount);
  const ofAddress = rateLimit(store, "password:address", guesses.perAddress);
  const within = async (limit: RateLimit, bucket: string, { window }: Rate) => {
    if (await limit(bucket)) return;
    throw refuse("too_many_requests", { members: { retry_after: Math.ceil(window / 1000) } });
  };
  return async (login, address) => {
    await within(ofAddress, addressBucket(address), guesses.perAddress);
    await within(ofAccount, canonicalLogin(login), guesses.perAccount);
  };
}

/** The hash behind an account, if it can be read at all. */
function verifierReader(safe: Safe): (account: string) => Promise<LegacyHash | undefined> {
  const keyOf = keyRing(safe);
  return async (account) => {
    const found = await readVerifier(safe.store, account);
    const key = found && (await keyOf(keyIdOf(found.value)));
    const text = key && openVerifier(key, account, found.value);
    return text === undefined ? undefined : parseHash(text);
  };
}

/** The pace of the costliest class, measured anew when a costlier one was imported. */
function paceKeeper(): (slowest: string | undefined) => Promise<Pace> {
  let known: { slowest: string | undefined; pace: Promise<Pace> } | undefined;
  return (slowest) => {
    if (known && known.slowest === slowest) return known.pace;
    const pace = paceOf(slowest);
    known = { slowest, pace };
    pace.catch(() => {
      if (known?.pace === pace) known = undefined;
    });
    return pace;
  };
}
