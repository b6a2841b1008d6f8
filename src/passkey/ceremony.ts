/**
 * Challenges: given to one page in one browser for one purpose and one action, good for one answer.
 *
 * A page has one record for each purpose, with its newest two challenges, so that storage is bounded however often
 * the page is asked for, and a page that was loaded twice works twice. Taking a challenge is a commit against the
 * version that was read: of any number of parallel answers, in any number of processes, one gets it.
 *
 * **An answer from the right browser uses up the challenge it carries, whatever else is wrong with it; an answer from
 * another browser uses up nothing.** So that this holds on the wrong page too, a challenge ends in the name of the
 * record it stands in.
 */
import type { Clock } from "../clock.ts";
import { isRefusal, refuse } from "../errors.ts";
import { randomText } from "../random.ts";
import { change } from "../store/change.ts";
import { fingerprint, newVersion, recordKind } from "../store/record.ts";
import type { Millis, Store } from "../store/store.ts";
import { type Reason, Refusal } from "./refusal.ts";

/** What a challenge is tied to; an answer has to come from exactly there. */
export interface Binding {
  purpose: "authentication" | "registration";
  /** Names the page, for example by the uid of its interaction. Only a hash of it is stored. */
  page: string;
  /** A secret of this browser, from a cookie; the same on all pages of the browser. Only a hash of it is stored. */
  browser: string;
  /** What the answer will do: `sign-in`, `sign-up`, `remove_passkey:<id>`. */
  action: string;
}

/** What a challenge remembers for the answer, besides its binding. */
export interface CeremonyTerms {
  /** Whether UV may be missing. Only an explicit `preferred` says so: lost or unknown means required. */
  userVerification?: "required" | "preferred";
  /** The account that has to answer, or that gets the new passkey. */
  account?: string;
  /** Registration: the user handle that was given out. */
  handle?: string;
  /** Authentication: the credential ids that may answer; absent for any. */
  allow?: string[];
  /** Registration: `none` takes any passkey; anything else demands an authority that we trust. */
  attestation?: "none" | "direct";
  /** Registration: a password manager may answer by itself, with nobody there (UP); only an explicit `true` says so. */
  conditional?: true;
}

interface Challenge extends CeremonyTerms {
  /** SHA-256 of the challenge. */
  challenge: string;
  /** SHA-256 of the browser's secret. */
  browser: string;
  action: string;
  /** Milliseconds since the epoch. */
  issued: number;
}

/** The live challenges of one page and purpose, oldest first. */
interface Ceremony {
  live: Challenge[];
}

/** How long a challenge lives: as long as an interaction. */
export const CEREMONY_TTL: Millis = 30 * 60 * 1000;

/** How long a client may ask the person (WebAuthn Level 3, section 15.1). */
export const CLIENT_TIMEOUT: Millis = 5 * 60 * 1000;

/** How many challenges of a page live at a time. */
const LIVE = 2;

/** How far the clock of the process that gave a challenge may be ahead of ours. */
const CLOCK_SKEW: Millis = 5 * 60 * 1000;

/** The name of a record, in base64url characters: 144 bits, whole groups of four. */
const NAME_LENGTH = 24;

/** 264 random bits and the name of the record: both whole groups of four, so that together they are base64url too. */
const CHALLENGE = /^[A-Za-z0-9_-]{44}([A-Za-z0-9_-]{24})$/;

export const ceremonyRecord = recordKind<Ceremony>("ceremony");

/** Where challenges are kept, and what time it is. */
export interface CeremonyContext {
  store: Store;
  clock: Clock;
}

/**
 * Makes a challenge: 264 random bits and the name of the record, base64url. Costs one write, and a read more when
 * the page was asked for before.
 */
export async function startCeremony(
  { store, clock }: CeremonyContext,
  binding: Binding,
  terms: CeremonyTerms,
): Promise<string> {
  if (!binding.page || !binding.browser) throw new TypeError("a ceremony needs a page and a browser");
  const name = pageName(binding.page);
  const challenge = randomText(33) + name;
  const entry: Challenge = {
    userVerification: "required",
    ...terms,
    challenge: fingerprint(challenge),
    browser: fingerprint(binding.browser),
    action: binding.action,
    issued: clock.now(),
  };
  const id = `${binding.purpose}:${name}`;
  const first = { expect: "absent" as const, version: newVersion(), ttl: CEREMONY_TTL };
  if (await store.commit(ceremonyRecord.key(id), ceremonyRecord.encode({ live: [entry] }), first))
    return challenge;
  await addChallenge(store, id, entry);
  return challenge;
}

async function addChallenge(store: Store, id: string, entry: Challenge): Promise<void> {
  const decide = (found: Ceremony | undefined) => ({
    value: { live: [...(found?.live ?? []), entry].slice(-LIVE) },
    result: undefined,
  });
  try {
    await change(store, ceremonyRecord, id, decide, { ttl: CEREMONY_TTL });
  } catch (error) {
    if (!isRefusal(error, "store_conflict")) throw error;
    // A crowd asks for one page. Alone in the record, the new challenge brings none back that was taken.
    await store.write(ceremonyRecord.key(id), ceremonyRecord.encode({ live: [entry] }), {
      ttl: CEREMONY_TTL,
    });
  }
}

/**
 * Takes the challenge that an answer carries; exactly one of many callers gets it. Costs a read and a commit.
 *
 * @throws `ceremony_expired`, with the reason as its cause
 */
export async function takeCeremony(
  context: CeremonyContext,
  binding: Binding,
  challenge: string,
): Promise<CeremonyTerms> {
  const issuedFor = CHALLENGE.exec(challenge)?.[1];
  const taken = issuedFor && (await remove(context, `${binding.purpose}:${issuedFor}`, binding, challenge));
  if (!taken) throw expired("challenge_unknown");
  const misused = issuedFor !== pageName(binding.page) || taken.action !== binding.action;
  if (misused) throw expired("challenge_misused");
  const age = context.clock.now() - taken.issued;
  if (age > CEREMONY_TTL || age < -CLOCK_SKEW) throw expired("challenge_expired");
  return taken;
}

/** True unless the challenge says that UV may be missing. */
export function requiresUserVerification(terms: CeremonyTerms): boolean {
  return terms.userVerification !== "preferred";
}

/** Removes a challenge that this browser was given, and returns it. */
async function remove(
  { store }: CeremonyContext,
  id: string,
  { browser }: Binding,
  challenge: string,
): Promise<Challenge | undefined> {
  const wanted = fingerprint(challenge);
  const decide = (found: Ceremony | undefined) => {
    const entry = found?.live.find((live) => live.challenge === wanted);
    if (!found || !entry) return { value: undefined, result: undefined };
    if (entry.browser !== fingerprint(browser)) throw expired("challenge_foreign");
    return { value: { live: found.live.filter((live) => live !== entry) }, result: entry };
  };
  return change(store, ceremonyRecord, id, decide, { ttl: CEREMONY_TTL });
}

/** The name of a page's records: 144 bits of its hash, since what names a page may open it. */
function pageName(page: string): string {
  return fingerprint(page).slice(0, NAME_LENGTH);
}

function expired(reason: Reason): Error {
  return refuse("ceremony_expired", { cause: new Refusal(reason) });
}
