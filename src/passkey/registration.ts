/** Registration: from the options of a page to a passkey that an account can take in. */
import type { Passkey } from "../account/account.ts";
import { refuse } from "../errors.ts";
import { type Announcer, announceRefusal } from "./announce.ts";
import { judgeAttestation } from "./attestation.ts";
import {
  type Binding,
  type CeremonyContext,
  type CeremonyTerms,
  CLIENT_TIMEOUT,
  startCeremony,
  takeCeremony,
} from "./ceremony.ts";
import type { PublicKeyCredentialCreationOptionsJSON } from "./json.ts";
import { Refusal } from "./refusal.ts";
import { ALGORITHMS, type RelyingParty } from "./relying-party.ts";
import { readAttestation } from "./response.ts";
import { noTrustAnchors, type TrustAnchors } from "./trust.ts";

export interface RegistrationStart extends CeremonyContext {
  rp: RelyingParty;
  binding: Binding;
  /** The user handle: 32 random bytes, base64url, the account's for life. Never anything about the person. */
  handle: string;
  /** What tells accounts apart in the browser's list: a username or an e-mail address. */
  name: string;
  /** The person's name; may be empty. */
  displayName: string;
  /** What the account holds already. */
  exclude: readonly Pick<Passkey, "id" | "transports">[];
  /** The account that gets the passkey, when it exists already. */
  account?: string | undefined;
  /** `direct` demands an authority that we trust. Default: `none`, which takes any passkey. */
  attestation?: "none" | "direct" | undefined;
  /** What the browser may offer first (section 5.8.7). */
  hints?: ("security-key" | "client-device" | "hybrid")[] | undefined;
  /**
   * For conditional mediation (section 5.1.3): a password manager may make the passkey with nobody there, neither present
   * nor verified. Whoever asks for it has to see the passkey verify its user before it is worth anything.
   */
  conditional?: boolean | undefined;
}

export interface RegistrationFinish extends CeremonyContext, Announcer {
  rp: RelyingParty;
  binding: Binding;
  /** The posted `response`, untrusted. */
  response: unknown;
  /** Who may vouch for authenticators. Default: nobody. */
  anchors?: TrustAnchors | undefined;
}

export interface Registration {
  /** `pending`: an account has to take it in, and claim its id for itself. */
  passkey: Passkey;
  /** The user handle that was given out. */
  handle: string;
  /** The account it was started for. */
  accountId?: string;
}

/** The options of a page that makes a passkey (WebAuthn Level 3, section 5.4). */
export async function startRegistration(
  start: RegistrationStart,
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  const { rp, handle, name, displayName, account, attestation = "none", hints } = start;
  const userVerification = start.conditional ? "preferred" : "required";
  const size = Buffer.from(handle, "base64url").length;
  if (size < 1 || size > 64) throw new TypeError("handle must be the base64url of 1 to 64 bytes");
  const terms: CeremonyTerms = {
    handle,
    attestation,
    userVerification,
    ...(start.conditional ? { conditional: true } : {}),
    ...(account === undefined ? {} : { account }),
  };
  const challenge = await startCeremony(start, start.binding, terms);
  return {
    rp: { id: rp.id, name: rp.name },
    user: { id: handle, name, displayName },
    challenge,
    pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
    timeout: CLIENT_TIMEOUT,
    excludeCredentials: start.exclude.map(({ id, transports }) => ({ id, type: "public-key", transports })),
    authenticatorSelection: {
      residentKey: "required",
      requireResidentKey: true,
      userVerification,
    },
    attestation,
    ...(hints ? { hints } : {}),
  };
}

/**
 * Judges an attestation (WebAuthn Level 3, section 7.1). That the credential id belongs to nobody yet is for the
 * account to claim.
 *
 * @throws `ceremony_expired` when the challenge is not this page's, or was used; `registration_refused` otherwise,
 * with the reason as its cause
 */
export async function finishRegistration(finish: RegistrationFinish): Promise<Registration> {
  const about: { subject?: string } = {};
  try {
    const answer = readAttestation(finish.response);
    about.subject = answer.id;
    const terms = await takeCeremony(finish, finish.binding, answer.clientData.challenge);
    if (terms.handle === undefined) throw new Refusal("user_handle_missing");
    const { rp, clock, anchors = noTrustAnchors } = finish;
    const passkey = await judgeAttestation({ rp, answer, terms, anchors, now: clock.now() });
    return {
      passkey,
      handle: terms.handle,
      ...(terms.account === undefined ? {} : { accountId: terms.account }),
    };
  } catch (error) {
    announceRefusal(finish, error, about);
    throw error instanceof Refusal ? refuse("registration_refused", { cause: error }) : error;
  }
}
