/** A relying party for tests: a store of its own, a clock that tests move, and an address book of accounts. */
import { randomBytes } from "node:crypto";
import type { Account } from "../../src/account/account.ts";
import { isRefusal } from "../../src/errors.ts";
import type { Event } from "../../src/events.ts";
import {
  type Authentication,
  type AuthenticationFinish,
  type AuthenticationStart,
  finishAuthentication,
  startAuthentication,
} from "../../src/passkey/authentication.ts";
import { type Binding, CEREMONY_TTL, ceremonyRecord } from "../../src/passkey/ceremony.ts";
import { type Reason, refusalReason } from "../../src/passkey/refusal.ts";
import {
  finishRegistration,
  type Registration,
  type RegistrationFinish,
  type RegistrationStart,
  startRegistration,
} from "../../src/passkey/registration.ts";
import type { RelyingParty } from "../../src/passkey/relying-party.ts";
import type { Entry, Store } from "../../src/store/store.ts";
import type { CreateOverrides, GetOverrides, SoftwareAuthenticator } from "../../src/testing.ts";

export const ORIGIN = "https://id.example.com";
export const RP: RelyingParty = { id: "example.com", name: "Example", origins: [ORIGIN] };

/** How one ceremony of a test goes: what the page asks, what the authenticator does, what happens to its answer. */
interface Play<Start, Overrides, Finish> {
  binding?: Partial<Binding>;
  start?: Partial<Start>;
  overrides?: Overrides;
  /** Changes the answer on its way. */
  tamper?: (response: unknown) => unknown;
  finish?: Partial<Finish>;
}

export type RegistrationPlay = Play<RegistrationStart, CreateOverrides, RegistrationFinish>;
export type AuthenticationPlay = Play<AuthenticationStart, GetOverrides, AuthenticationFinish>;

export class Party {
  now = Date.UTC(2026, 10, 22, 12);
  readonly clock = { now: () => this.now };
  readonly events: Event[] = [];
  /** By user handle. */
  readonly accounts = new Map<string, Account>();
  readonly store: Store;

  constructor(store: Store) {
    this.store = store;
  }

  /** What both functions of a ceremony are given. */
  context(purpose: Binding["purpose"], binding: Partial<Binding> = {}) {
    const action = purpose === "registration" ? "sign-up" : "sign-in";
    return {
      rp: RP,
      store: this.store,
      clock: this.clock,
      announce: (event: Event) => void this.events.push(event),
      binding: { purpose, page: "page", browser: "browser", action, ...binding },
    };
  }

  startRegistration(play: RegistrationPlay = {}) {
    return startRegistration({
      ...this.context("registration", play.binding),
      handle: newHandle(),
      name: "jane",
      displayName: "Jane",
      exclude: [],
      ...play.start,
    });
  }

  finishRegistration(response: unknown, play: RegistrationPlay = {}): Promise<Registration> {
    return finishRegistration({ ...this.context("registration", play.binding), response, ...play.finish });
  }

  async register(authenticator: SoftwareAuthenticator, play: RegistrationPlay = {}): Promise<Registration> {
    const response = authenticator.create(await this.startRegistration(play), ORIGIN, play.overrides);
    return this.finishRegistration(play.tamper ? play.tamper(response) : response, play);
  }

  /** Registers, and puts the passkey as an active one into the account of that handle, new or not. */
  async enrol(authenticator: SoftwareAuthenticator, play: RegistrationPlay = {}): Promise<Account> {
    const { passkey, handle } = await this.register(authenticator, play);
    const account = this.accounts.get(handle) ?? newAccount(handle);
    account.passkeys.push({ ...passkey, state: "active" });
    this.accounts.set(handle, account);
    return account;
  }

  startAuthentication(play: AuthenticationPlay = {}) {
    return startAuthentication({ ...this.context("authentication", play.binding), ...play.start });
  }

  finishAuthentication(response: unknown, play: AuthenticationPlay = {}): Promise<Authentication> {
    return finishAuthentication({
      ...this.context("authentication", play.binding),
      response,
      findAccount: async (handle) => {
        const account = this.accounts.get(handle);
        return account && { value: account, version: "1" };
      },
      isKnown: async (id) =>
        [...this.accounts.values()].some(({ passkeys }) => passkeys.some((passkey) => passkey.id === id)),
      ...play.finish,
    });
  }

  async signIn(authenticator: SoftwareAuthenticator, play: AuthenticationPlay = {}): Promise<Authentication> {
    const response = authenticator.get(await this.startAuthentication(play), ORIGIN, play.overrides);
    return this.finishAuthentication(play.tamper ? play.tamper(response) : response, play);
  }
}

export function newHandle(): string {
  return randomBytes(32).toString("base64url");
}

export function newAccount(handle: string): Account {
  return {
    id: `account-of-${handle}`,
    handle,
    state: "active",
    username: "jane",
    emailVerified: false,
    groups: [],
    passkeys: [],
    created: 0,
    outbox: [],
  };
}

/** What somebody is told who was refused, with the reason that he is not told. */
export interface Verdict {
  code: string;
  reason: Reason | undefined;
  signal?: unknown;
}

/** The verdict on an attempt; fails when the attempt was accepted, or failed without a code. */
export async function verdict(attempt: Promise<unknown>): Promise<Verdict> {
  const error = await attempt.then(
    () => new Error("It was accepted."),
    (reason: unknown) => reason,
  );
  if (!isRefusal(error)) throw error;
  return { code: error.code, reason: refusalReason(error), ...error.members };
}

/** The same store, which writes down what it is asked. */
export function observed(store: Store, calls: string[]): Store {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...given: unknown[]) => {
        calls.push(String(name));
        return member.apply(target, given);
      };
    },
  });
}

/** The records of the page that a challenge was given to. */
export async function recordsOf(store: Store, challenge: string): Promise<Entry[]> {
  const found: Entry[] = [];
  for await (const { entries } of store.scan(ceremonyRecord.kind)) found.push(...entries);
  return found.filter(({ key }) => key.endsWith(challenge.slice(44)));
}

/** Takes a member out of a stored challenge, as a version would have written it that did not know the member. */
export async function forget(store: Store, challenge: string, member: string): Promise<void> {
  for (const { key, value } of await recordsOf(store, challenge)) {
    const { live, ...rest } = value as { live: Record<string, unknown>[] };
    const without = live.map(({ [member]: _, ...kept }) => kept);
    await store.write(key, { ...rest, live: without }, { ttl: CEREMONY_TTL });
  }
}
