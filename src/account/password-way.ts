/**
 * The way in that only ever closes: pure transitions of the password of an account.
 *
 * An import opens it, once. Closed, it is a tombstone: nothing opens it again, whoever replays, restores or imports
 * what. The account's document is the authority; the verifier is another record, dead unless the document says `open`.
 */
import { day } from "../clock.ts";
import { refuse } from "../errors.ts";
import type { Account, Passkey } from "./account.ts";
import { missingWays, type RemovalRuleOf } from "./removal-guard.ts";
import { isRepairing } from "./tentative.ts";
import type { Moment } from "./transitions.ts";
import { note } from "./transitions.ts";
import { watch } from "./watch.ts";

/** Whether the password of this account may sign in. */
export function hasOpenPassword(account: Account): boolean {
  return account.state === "active" && account.password?.state === "open";
}

/**
 * Opens the password of an account that never had one, for an import. An open one stays as it is.
 *
 * @throws `password_closed` when it was closed before: for ever
 */
export function openPassword(account: Account, now: { at: number }): Account | undefined {
  if (account.password?.state === "closed") throw refuse("password_closed");
  if (account.password) return undefined;
  return { ...account, password: { state: "open", since: now.at } };
}

/**
 * Closes the password in favour of a passkey that has just proved itself; then the account is careful for a day,
 * because whoever knew the password may have made that passkey. A closed one stays as it is.
 *
 * @param by the passkey, and the fingerprint of the link that undoes it
 * @throws `account_limited`, `last_way_in` when the document does not hold that passkey, active
 */
export function closePassword(
  account: Account,
  { passkey, undo }: { passkey: string; undo?: string },
  now: Moment,
): Account | undefined {
  if (account.state !== "active") throw refuse("account_limited");
  if (!activeOf(account).some(({ id }) => id === passkey)) throw refuse("last_way_in");
  if (account.password?.state !== "open") return undefined;
  const made = account.passkeys.filter(({ addedBy }) => addedBy === "conversion").map(({ id }) => id);
  const watched = watch(closed(account, now), [...made, passkey], now, undo);
  return note(watched, "password.closed", now, { subject: passkey });
}

/** Remembers the day of a sign-in, so that an operator sees who still needs the password; at most one write a day. */
export function usePassword(account: Account, now: { at: number }): Account | undefined {
  const { password } = account;
  const today = day(now.at);
  if (password?.state !== "open" || (password.lastUsed ?? "") >= today) return undefined;
  return { ...account, password: { ...password, lastUsed: today } };
}

/** "Not now": counted, so that an operator sees who is stuck. Nothing to count where no password is open. */
export function declinePasskey(account: Account): Account | undefined {
  const { password } = account;
  if (password?.state !== "open") return undefined;
  return { ...account, password: { ...password, declined: (password.declined ?? 0) + 1 } };
}

/**
 * Removes the password at its owner's wish. The guard looks both ways: what is left must be enough.
 *
 * @param ruleOf what is enough for an account with its groups
 * @throws `account_limited`, `account_recovering`, `ways_missing` with the members `missing` and `needs`: `one` of the
 * missing, or `all` of them, complete the ways in
 */
export function removePassword(account: Account, ruleOf: RemovalRuleOf, now: Moment): Account | undefined {
  if (account.state !== "active") throw refuse("account_limited");
  if (account.password?.state !== "open") return undefined;
  // A passkey that was made with the password may end it: the watch goes on, and so does the way to undo it.
  if (isRepairing(account, now)) throw refuse("account_recovering");
  const { missing, needs } = missingWays(account, ruleOf(account.groups));
  if (missing.length > 0) throw refuse("ways_missing", { members: { missing, needs } });
  return note(closed(account, now), "password.removed", now);
}

/** An operator's word: closed whatever else is there. What is left may be recovery or a pass. */
export function dropPassword(account: Account, now: Moment): Account | undefined {
  return account.password?.state === "open" ? note(closed(account, now), "password.dropped", now) : undefined;
}

/**
 * The account as a sealed store has it. An import that slept through the seal may have left a document that says
 * `open`; no verifier of it can be read, so nothing is open, and the sweeper writes that down.
 */
export function underSeal(account: Account): Account {
  const { password } = account;
  return password?.state === "open" ? { ...account, password: { ...password, state: "closed" } } : account;
}

/** The host has erased the closed password; said once. */
export function confirmDropped(account: Account, now: { at: number }): Account | undefined {
  const { password } = account;
  if (password?.state !== "closed" || password.dropped !== undefined) return undefined;
  return { ...account, password: { ...password, dropped: now.at } };
}

/** Whether the host of an account still owes the erasure of its closed password. */
export function isDropOwed({ password }: Account): boolean {
  return password?.state === "closed" && password.dropped === undefined;
}

function activeOf(account: Account): Passkey[] {
  return account.passkeys.filter(({ state }) => state === "active");
}

function closed(account: Account, now: { at: number }): Account {
  return { ...account, password: { ...account.password, state: "closed", since: now.at } };
}
