/** The two ceremonies as pages use them: options into the page, the answer out of the request. */
import { type Account, newHandle, type Passkey } from "../../account/account.ts";
import { isRefusal, refuse } from "../../errors.ts";
import { finishAuthentication, startAuthentication } from "../../passkey/authentication.ts";
import type { Binding } from "../../passkey/ceremony.ts";
import { finishRegistration, type RegistrationStart, startRegistration } from "../../passkey/registration.ts";
import type { RelyingParty } from "../../passkey/relying-party.ts";
import type { CeremonyModel } from "../../view/models.ts";
import type { House } from "./house.ts";

/** Where on which page, in which browser, for what. */
export type Place = Omit<Binding, "purpose">;

/**
 * A page on which somebody signs in; with an account, on which exactly that one proves itself, with any passkey that is
 * active or with those of `allow`.
 */
export async function askForAssertion(
  house: House,
  place: Place,
  action: string,
  account?: Account,
  allow = account?.passkeys.filter(({ state }) => state === "active"),
): Promise<CeremonyModel> {
  const { rp, store, clock } = house;
  const options = await startAuthentication({
    rp,
    store,
    clock,
    binding: { ...place, purpose: "authentication" },
    ...(account === undefined ? {} : { account: account.id, allow }),
  });
  return { ceremony: "authentication", action, options };
}

/**
 * Judges an assertion and remembers the use.
 *
 * @param expect only this account may answer; besides active passkeys those of one more state
 * @throws `authentication_failed`, and nothing else: also for a challenge that was used, or was never this page's
 */
export async function takeAssertion(
  house: House,
  place: Place,
  response: unknown,
  { account, also }: { account?: string; also?: Passkey["state"] } = {},
) {
  const { rp, store, clock, announce, accounts } = house;
  const done = await finishAuthentication({
    rp,
    store,
    clock,
    announce,
    binding: { ...place, purpose: "authentication" },
    response,
    findAccount: (handle) => accounts.findByHandle(handle),
    isKnown: async (id) => (await accounts.findByCredential(id)) !== undefined,
    also,
    ...(account === undefined ? {} : { expectAccount: account }),
  }).catch((error: unknown) => {
    throw isRefusal(error, "ceremony_expired")
      ? refuse("authentication_failed", { cause: error.cause })
      : error;
  });
  await accounts.recordUse(done.stored, done.passkey.id, done.facts);
  return done;
}

/**
 * A page on which a passkey is made: for a new account, or as a further one of `account`.
 *
 * @param how where the browser may look first; whether a password manager may make it by itself, which nobody need be
 *   there for
 */
export async function askForPasskey(
  house: House,
  place: Place,
  action: string,
  account?: Account,
  how: Pick<RegistrationStart, "hints" | "conditional"> = {},
): Promise<CeremonyModel> {
  const options = await startRegistration({
    ...house,
    binding: { ...place, purpose: "registration" },
    ...shownNames(house.rp, account),
    handle: account?.handle ?? newHandle(),
    account: account?.id,
    exclude: account?.passkeys ?? [],
    ...how,
  });
  return { ceremony: "registration", action, options };
}

/** By which names a password manager shows an account. */
export function shownNames(rp: RelyingParty, account?: Account): { name: string; displayName: string } {
  return {
    name: account?.email ?? account?.username ?? rp.name,
    displayName: account?.name ?? account?.username ?? rp.name,
  };
}

/** Judges a new passkey. @throws `ceremony_expired`, `registration_refused` */
export async function takePasskey(house: House, place: Place, response: unknown) {
  return finishRegistration({ ...house, binding: { ...place, purpose: "registration" }, response });
}

/**
 * Makes an account, or tells the browser that the passkey it has just made is nobody's, so that no password manager
 * keeps a key that opens nothing. Not where the outcome is unknown, or where somebody does hold the passkey.
 */
export async function orForgotten(creation: Promise<Account>): Promise<Account> {
  try {
    return await creation;
  } catch (error) {
    if (!isRefusal(error) || error.status >= 500 || error.code === "credential_registered") throw error;
    const { code, detail, members } = error;
    throw refuse(code, {
      cause: error,
      members: { ...members, signal: "unknown" },
      ...(detail === undefined ? {} : { detail }),
    });
  }
}
