/** The judgement on an assertion (WebAuthn Level 3, section 7.2). */
import { generateKeyPairSync } from "node:crypto";
import type { Account, Passkey } from "../account/account.ts";
import type { Stored } from "../store/store.ts";
import { type Announcer, announce } from "./announce.ts";
import { type CeremonyTerms, requiresUserVerification } from "./ceremony.ts";
import {
  type AuthenticatorData,
  judgeAuthenticatorData,
  judgeClientData,
  readAuthenticatorData,
} from "./judge.ts";
import { encodeEs256Key } from "./public-key.ts";
import { type Reason, Refusal } from "./refusal.ts";
import type { RelyingParty } from "./relying-party.ts";
import type { AssertionAnswer } from "./response.ts";
import { verifyAssertion } from "./signature.ts";

/** What an assertion showed, for the account's record of use. */
export interface AssertionFacts {
  /** The signature counter; 0 when the passkey has none. */
  counter: number;
  /** BS. */
  backedUp: boolean;
  /** A synced passkey whose counter went back, which says nothing about it; a device-bound one is refused. */
  counterRegressed: boolean;
  /** Milliseconds since the epoch. */
  at: number;
}

/** What an assertion is judged by. */
export interface AssertionCase extends Announcer {
  rp: RelyingParty;
  answer: AssertionAnswer;
  terms: CeremonyTerms;
  /** The account of the user handle, of whatever state. */
  stored: Stored<Account> | undefined;
  /** Only this account may answer. */
  expectAccount?: string | undefined;
  /** A passkey of this state may answer, too; an active one always may. */
  also?: Passkey["state"] | undefined;
}

/** A genuine assertion: who gave it, with which passkey, and what it showed. */
export interface JudgedAssertion {
  /** The account as it was read, with its version, for the commit that records the use. */
  stored: Stored<Account>;
  passkey: Passkey;
  facts: AssertionFacts;
}

/** A key that nobody holds, so that an unknown passkey costs a verification like a known one. */
const NOBODY = {
  algorithm: -7,
  publicKey: encodeEs256Key(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey),
};

/**
 * Everything of section 7.2 but the challenge. The signature is checked before anything about the account is judged,
 * and what only a genuine assertion may raise (UV, BE, the counter) after it.
 *
 * @throws Refusal
 */
export async function judgeAssertion(given: AssertionCase): Promise<JudgedAssertion> {
  const { rp, answer, stored, clock } = given;
  judgeClientData(answer.clientData, "webauthn.get", rp);
  const data = readAuthenticatorData(Buffer.from(answer.authenticatorData, "base64url"));
  judgeAuthenticatorData(data, rp);
  // The library takes any id: which credential has to have signed is looked up by the one that was answered.
  const passkey = stored?.value.passkeys.find(({ id }) => id === answer.id);
  const genuine = await verifyAssertion(answer, passkey ?? NOBODY);
  if (!stored || !passkey) throw new Refusal(whyUnknown(given));
  judgeOwner(given, stored.value, passkey);
  if (!genuine) throw new Refusal("signature_invalid");
  judgeFlags(data, given.terms, passkey);
  const counterRegressed = judgeCounter(given, stored.value, passkey, data.counter);
  const facts = { counter: data.counter, backedUp: data.backedUp, counterRegressed, at: clock.now() };
  return { stored, passkey, facts };
}

function whyUnknown({ answer, stored }: AssertionCase): Reason {
  if (answer.userHandle === undefined) return "user_handle_missing";
  return stored ? "credential_unknown" : "account_unknown";
}

/** Steps 5 and 6: who may answer, and that the user handle is his. */
function judgeOwner(
  { answer, terms, expectAccount, also }: AssertionCase,
  account: Account,
  passkey: Passkey,
): void {
  const expected = [expectAccount, terms.account].filter((id) => id !== undefined);
  if (account.handle !== answer.userHandle || expected.some((id) => id !== account.id)) {
    throw new Refusal("account_mismatch");
  }
  if (account.state !== "active") throw new Refusal("account_inactive");
  if (passkey.state !== "active" && passkey.state !== also) throw new Refusal("credential_inactive");
  if (terms.allow && !terms.allow.includes(passkey.id)) throw new Refusal("credential_not_allowed");
}

/** Steps 17 and 19. */
function judgeFlags(data: AuthenticatorData, terms: CeremonyTerms, passkey: Passkey): void {
  if (!data.userVerified && requiresUserVerification(terms)) throw new Refusal("user_not_verified");
  if (data.backupEligible !== passkey.backupEligible) throw new Refusal("backup_eligibility_changed");
}

/**
 * Step 22. A counter that went back is a sign of a copy only where the passkey cannot be copied by design; two
 * assertions that overtake each other were both read against the older counter and pass.
 */
function judgeCounter(to: Announcer, account: Account, passkey: Passkey, received: number): boolean {
  const regressed = (received > 0 || passkey.counter > 0) && received <= passkey.counter;
  if (!regressed || passkey.backupEligible) return regressed;
  const detail = { stored: passkey.counter, received };
  announce(to, "passkey.counter_regressed", { account: account.id, subject: passkey.id, detail });
  throw new Refusal("counter_regressed");
}
