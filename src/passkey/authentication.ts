/** Authentication: from the options of a page to "this passkey of this account, now". */
import type { Account, Passkey } from "../account/account.ts";
import { refuse } from "../errors.ts";
import type { Stored } from "../store/store.ts";
import { type Announcer, announceRefusal } from "./announce.ts";
import { type AssertionFacts, judgeAssertion } from "./assertion.ts";
import {
  type Binding,
  type CeremonyContext,
  CLIENT_TIMEOUT,
  startCeremony,
  takeCeremony,
} from "./ceremony.ts";
import type { PublicKeyCredentialRequestOptionsJSON } from "./json.ts";
import { Refusal } from "./refusal.ts";
import type { RelyingParty } from "./relying-party.ts";
import { type AssertionAnswer, readAssertion } from "./response.ts";

export type { AssertionFacts } from "./assertion.ts";

export interface AuthenticationStart extends CeremonyContext {
  rp: RelyingParty;
  binding: Binding;
  /** Only these may answer; without it, any discoverable passkey. Never for somebody who is not signed in. */
  allow?: readonly Pick<Passkey, "id" | "transports">[] | undefined;
  /** Only this account may answer: for a fresh proof of who is signed in. */
  account?: string | undefined;
}

export interface AuthenticationFinish extends CeremonyContext, Announcer {
  rp: RelyingParty;
  binding: Binding;
  /** The posted `response`, untrusted. */
  response: unknown;
  /** The account of a user handle, of whatever state. */
  findAccount(handle: string): Promise<Stored<Account> | undefined>;
  /** Whether any account, of whatever state, holds the credential id. */
  isKnown(credentialId: string): Promise<boolean>;
  /** Only this account may answer. */
  expectAccount?: string | undefined;
  /** A passkey of this state may answer, too: whoever asks has to look at it. */
  also?: Passkey["state"] | undefined;
}

export interface Authentication {
  /** The account as it was read, with its version, for the commit that records the use. */
  stored: Stored<Account>;
  account: Account;
  passkey: Passkey;
  facts: AssertionFacts;
  /** On which device the passkey was, as far as the client tells; good for an offer, never for a decision. */
  device: "here" | "elsewhere" | "unknown";
}

/** The options of a page that signs in (WebAuthn Level 3, section 5.5). */
export async function startAuthentication(
  start: AuthenticationStart,
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  const { rp, binding, allow, account } = start;
  const challenge = await startCeremony(start, binding, {
    ...(allow === undefined ? {} : { allow: allow.map(({ id }) => id) }),
    ...(account === undefined ? {} : { account }),
  });
  return {
    rpId: rp.id,
    challenge,
    timeout: CLIENT_TIMEOUT,
    userVerification: "required",
    ...(allow === undefined
      ? {}
      : { allowCredentials: allow.map(({ id, transports }) => ({ id, type: "public-key", transports })) }),
  };
}

/**
 * Judges an assertion (WebAuthn Level 3, section 7.2). Reads challenge and account at once, then takes the challenge.
 *
 * Every assertion that is refused gets the same answer, whatever was wrong with it; the reason is its private cause.
 * The one difference, `signal: "unknown"`, tells a client to forget a passkey that nobody holds any more.
 *
 * @throws `ceremony_expired` when the challenge is not this page's, or was used; `authentication_failed` otherwise
 */
export async function finishAuthentication(finish: AuthenticationFinish): Promise<Authentication> {
  const about: Subject = {};
  try {
    return await authenticate(finish, about);
  } catch (error) {
    announceRefusal(finish, error, about);
    throw error instanceof Refusal ? refuse("authentication_failed", { cause: error }) : error;
  }
}

async function authenticate(finish: AuthenticationFinish, about: Subject): Promise<Authentication> {
  const answer = readAssertion(finish.response);
  about.subject = answer.id;
  const { userHandle, clientData } = answer;
  const [terms, stored] = await Promise.all([
    takeCeremony(finish, finish.binding, clientData.challenge),
    userHandle === undefined ? undefined : finish.findAccount(userHandle),
  ]);
  if (stored) about.account = stored.value.id;
  try {
    const judged = await judgeAssertion({ ...finish, answer, terms, stored });
    return { ...judged, account: judged.stored.value, device: deviceOf(answer, judged.passkey) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    // Asked after every genuine challenge, so that the answers cost alike.
    const members = (await finish.isKnown(answer.id)) ? {} : { signal: "unknown" };
    throw refuse("authentication_failed", { cause: error, members });
  }
}

/**
 * A key on a USB stick is not of this device either, but it is at hand at every one; a passkey on a phone or another
 * computer was borrowed over the QR code (section 5.8.4, "hybrid").
 */
function deviceOf({ attachment }: AssertionAnswer, { transports }: Passkey): Authentication["device"] {
  if (attachment === "platform") return "here";
  const isOfADevice = transports.includes("hybrid") || transports.includes("internal");
  return attachment === "cross-platform" && isOfADevice ? "elsewhere" : "unknown";
}

/** What is known of the one who was refused, for the event. */
interface Subject {
  account?: string;
  subject?: string;
}
