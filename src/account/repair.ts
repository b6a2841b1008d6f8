/**
 * A recovery, from the proof of the new passkey to the end of its grace time.
 *
 * Passkeys that are declared lost are suspended, not revoked: whoever holds one of them can object, because a single
 * stolen code must not take an account away for good. After the grace time they are gone.
 */
import { refuse } from "../errors.ts";
import type { Millis } from "../store/store.ts";
import type { Account, Passkey, Repair } from "./account.ts";
import { endSessions } from "./sessions.ts";
import { type Moment, note } from "./transitions.ts";

/** What a recovery came to: how the person got in, the passkey that was made, and those that are lost. */
export interface RepairInput {
  by: Repair["by"];
  added: string;
  lost: readonly string[];
  grace: Millis;
}

/** Completes a recovery. A second one within the grace time of the first adds to it. @throws `account_limited`, `passkey_unknown` */
export function completeRepair(account: Account, input: RepairInput, now: Moment): Account {
  if (account.state !== "active") throw refuse("account_limited");
  const { by, added, grace } = input;
  if (!account.passkeys.some(({ id, state }) => id === added && state === "active"))
    throw refuse("passkey_unknown");
  const lost = account.passkeys.filter(
    ({ id, state }) => id !== added && state === "active" && input.lost.includes(id),
  );
  const before = account.repair;
  const repair: Repair = {
    since: now.at,
    by,
    added: [...(before?.added ?? []), added],
    lost: [...(before?.lost ?? []), ...lost.map(({ id }) => id)],
    until: now.at + grace,
  };
  const suspended = lost.reduce((one, { id }) => withState(one, id, "suspended"), account);
  return note(endSessions({ ...suspended, repair }, now), "recovery.completed", now, {
    subject: added,
    detail: { by, suspended: lost.length },
  });
}

/**
 * The holder of a suspended passkey objects: what the recovery suspended is active again, what it added is gone, and
 * so are the codes and passes, of which somebody else has at least one.
 *
 * @throws `passkey_unknown` when that passkey is not suspended (any more)
 */
export function cancelRepair(account: Account, objector: string, now: Moment): Account {
  const { repair } = account;
  if (account.state !== "active" || !repair || !isSuspended(account, objector))
    throw refuse("passkey_unknown");
  const { repair: _, recoveryCodes: __, passes: ___, ...rest } = account;
  const passkeys = rest.passkeys
    .filter(({ id }) => !repair.added.includes(id))
    .map((held): Passkey => (repair.lost.includes(held.id) ? { ...held, state: "active" } : held));
  return note(endSessions({ ...rest, passkeys }, now), "recovery.cancelled", now, { subject: objector });
}

/** The grace time is over: what was declared lost is gone for good. `undefined` while there is nothing to do. */
export function endRepair(account: Account, now: Moment): Account | undefined {
  const { repair, ...rest } = account;
  if (!repair || now.at < repair.until) return undefined;
  const passkeys = rest.passkeys.filter(
    ({ id, state }) => state !== "suspended" || !repair.lost.includes(id),
  );
  // Suspended passkeys opened nothing, so there is nothing more to end.
  return note({ ...rest, passkeys }, "recovery.ended", now, {
    detail: { revoked: repair.lost.length },
  });
}

/** Whether this passkey was declared lost and can still object. */
export function isSuspended(account: Account, passkeyId: string): boolean {
  return account.passkeys.some(({ id, state }) => id === passkeyId && state === "suspended");
}

function withState(account: Account, passkeyId: string, state: Passkey["state"]): Account {
  const passkeys = account.passkeys.map((held) => (held.id === passkeyId ? { ...held, state } : held));
  return { ...account, passkeys };
}
