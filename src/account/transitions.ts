/**
 * What may become of an account: pure functions from one document to the next, or a coded refusal.
 *
 * They are the only place where an account changes, so the rules that matter ("never without a way in", "at most
 * twenty passkeys") hold whoever races: both sides of a race pass here and write the same record.
 */
import { day } from "../clock.ts";
import { refuse } from "../errors.ts";
import type { Event, EventType, Origin } from "../events.ts";
import type { Account, Passkey } from "./account.ts";
import { checkDisplayName } from "./names.ts";
import { assertUnwatched, watch } from "./watch.ts";

/** How many passkeys an account may hold, pending ones included. */
export const PASSKEY_LIMIT = 20;

/** How many events may wait in a document. */
export const OUTBOX_LIMIT = 8;

/** A passkey that stayed `pending` this long belongs to a request that died; milliseconds. */
export const PENDING_PASSKEY_AGE = 60 * 60 * 1000;

/** When something happens, and the id of the event that tells of it. */
export interface Moment {
  /** Milliseconds since the epoch. */
  at: number;
  event: string;
  from?: Origin;
}

/** What an assertion showed about its passkey. */
export interface PasskeyUse {
  counter: number;
  backedUp: boolean;
}

/** The fields of a new account, checked and canonical already. */
export interface NewAccount {
  id: string;
  handle: string;
  username: string;
  email?: string | undefined;
  emailVerified?: boolean | undefined;
  name?: string | undefined;
  language?: string | undefined;
  groups?: readonly string[] | undefined;
  /** Absent only for an account that an import makes. */
  passkey?: Passkey | undefined;
}

/** The events that tell of a new account. */
export type Birth = "account.created" | "account.imported" | "owner.created";

/** A pending account with its first passkey. Nothing signs in to it before {@link activateAccount}. */
export function newAccount(input: NewAccount, now: { at: number }): Account {
  const { id, handle, username, email, name, language } = input;
  return {
    id,
    handle,
    state: "pending",
    username,
    ...(email === undefined ? {} : { email }),
    emailVerified: email !== undefined && input.emailVerified === true,
    ...(name === undefined ? {} : { name }),
    ...(language === undefined ? {} : { language }),
    groups: [...new Set(input.groups)],
    passkeys: firstOf(input.passkey),
    created: now.at,
    outbox: [],
  };
}

function firstOf(passkey: Passkey | undefined): Passkey[] {
  return passkey ? [{ ...passkey, name: checkDisplayName(passkey.name), state: "active" }] : [];
}

/** The last step of a creation: every name is claimed. */
export function activateAccount(account: Account, type: Birth, now: Moment): Account {
  if (account.state !== "pending") throw refuse("account_exists");
  const first = account.passkeys[0]?.id;
  return note({ ...account, state: "active" }, type, now, first === undefined ? {} : { subject: first });
}

/**
 * Takes a passkey in as `pending`, until its credential id is claimed. Forgets those that died on the way.
 *
 * @throws `account_limited`, `credential_registered`, `passkey_limit`, `name_invalid`
 */
export function addPasskey(account: Account, passkey: Passkey, now: Moment): Account {
  if (account.state !== "active" || !mayAdd(account, passkey)) throw refuse("account_limited");
  const kept = withoutDead(account, now).passkeys;
  if (kept.some((held) => held.id === passkey.id)) throw refuse("credential_registered");
  // Each recovery costs a code or a pass; whoever is locked out cannot make room first.
  if (kept.length >= PASSKEY_LIMIT && passkey.addedBy !== "recovery") throw refuse("passkey_limit");
  const added: Passkey = {
    ...passkey,
    name: checkDisplayName(passkey.name),
    created: now.at,
    state: "pending",
  };
  return { ...account, passkeys: [...kept, added] };
}

/**
 * @param undo the fingerprint of the link that undoes it, for a passkey that a password makes
 * @throws `account_limited`, `passkey_unknown` when it is not pending any more
 */
export function activatePasskey(account: Account, passkeyId: string, now: Moment, undo?: string): Account {
  const passkey = passkeyOf(account, passkeyId);
  if (account.state !== "active" || !mayAdd(account, passkey)) throw refuse("account_limited");
  if (passkey.state !== "pending") throw refuse("passkey_unknown");
  // A pass was for whoever had no passkey.
  const { passes: _, ...activated } = replace(account, { ...passkey, state: "active" });
  // From here on it signs in, whether or not the sitting ever comes to its end.
  const watched = passkey.addedBy === "conversion" ? watch(activated, [passkeyId], now, undo) : activated;
  return note(watched, "passkey.registered", now, { subject: passkeyId });
}

/**
 * What a password opens ends with the password: a sitting that it began before it was closed adds nothing any more,
 * whoever sits there. What an invitation opens ends with the first passkey, of whichever link.
 */
function mayAdd(account: Account, { id, addedBy }: Passkey): boolean {
  if (addedBy === "invitation") {
    return !account.passkeys.some((held) => held.id !== id && held.state !== "pending");
  }
  return addedBy !== "conversion" || account.password?.state === "open";
}

/** Takes back a passkey whose credential id could not be claimed; an active one stays. */
export function withdrawPasskey(account: Account, passkeyId: string): Account | undefined {
  const passkeys = account.passkeys.filter((held) => held.id !== passkeyId || held.state !== "pending");
  return passkeys.length === account.passkeys.length ? undefined : { ...account, passkeys };
}

/** @throws `passkey_unknown`, `name_invalid` */
export function renamePasskey(
  account: Account,
  passkeyId: string,
  text: string,
  now: Moment,
): Account | undefined {
  const passkey = passkeyOf(account, passkeyId);
  const name = checkDisplayName(text);
  if (name === passkey.name) return undefined;
  return note(replace(account, { ...passkey, name }), "passkey.renamed", now, { subject: passkeyId });
}

/** @throws `passkey_unknown`, `last_way_in`, `account_watched`, `account_recovering` */
export function removePasskey(account: Account, passkeyId: string, now: Moment): Account {
  const passkey = passkeyOf(account, passkeyId);
  assertUnwatched(account, now, passkey);
  const passkeys = account.passkeys.filter((held) => held.id !== passkeyId);
  if (passkey.state === "active" && !passkeys.some(isActive)) throw refuse("last_way_in");
  return note({ ...account, passkeys }, "passkey.removed", now, { subject: passkeyId });
}

/** What a sign-in leaves in the document; `undefined` when nothing is worth a write, which is the rule. */
export function recordUse(
  account: Account,
  passkeyId: string,
  use: PasskeyUse,
  now: Moment,
): Account | undefined {
  const passkey = account.passkeys.find((held) => held.id === passkeyId);
  if (passkey === undefined) return undefined;
  const today = day(now.at);
  const lastUsed = passkey.lastUsed !== undefined && passkey.lastUsed > today ? passkey.lastUsed : today;
  // WebAuthn L3 §7.2 step 24 stores the new counter; ours never goes back, so that of two sign-ins the larger stays.
  const counter = Math.max(passkey.counter, use.counter);
  const { backedUp } = use;
  const moved = backedUp !== passkey.backedUp;
  if (!moved && counter === passkey.counter && lastUsed === passkey.lastUsed) return undefined;
  const used = replace(account, { ...passkey, counter, backedUp, lastUsed });
  return moved
    ? note(used, "passkey.backup_changed", now, { subject: passkeyId, detail: { backedUp } })
    : used;
}

/** Forgets pending passkeys of requests that died. The credential id is free again, since nobody names it. */
export function withoutDead(account: Account, now: { at: number }): Account {
  const dead = (held: Passkey) => held.state === "pending" && held.created + PENDING_PASSKEY_AGE < now.at;
  return { ...account, passkeys: account.passkeys.filter((held) => !dead(held)) };
}

/** The passkey that signs in to this account now, or `undefined`: both of them must be active. */
export function usablePasskey(account: Account, passkeyId: string): Passkey | undefined {
  return account.state === "active"
    ? account.passkeys.find((held) => held.id === passkeyId && isActive(held))
    : undefined;
}

function isActive(passkey: Passkey): boolean {
  return passkey.state === "active";
}

function passkeyOf(account: Account, passkeyId: string): Passkey {
  const passkey = account.passkeys.find((held) => held.id === passkeyId);
  if (passkey === undefined) throw refuse("passkey_unknown");
  return passkey;
}

function replace(account: Account, passkey: Passkey): Account {
  return { ...account, passkeys: account.passkeys.map((held) => (held.id === passkey.id ? passkey : held)) };
}

/** Puts an event into the outbox. Writers empty it first, so it is full only when many write at one moment. */
export function note(account: Account, type: EventType, now: Moment, about: Partial<Event> = {}): Account {
  if (account.outbox.length >= OUTBOX_LIMIT) throw refuse("store_conflict");
  const from = now.from === undefined ? {} : { from: now.from };
  const event: Event = { ...about, ...from, id: now.event, type, at: now.at, account: account.id };
  return { ...account, outbox: [...account.outbox, event] };
}
