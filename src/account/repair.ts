/**
 * A recovery, from the proof of the new passkey to the end of its grace time.
 *
 * Whoever recovers holds a code or a pass, and may have stolen it. So passkeys that are declared lost are suspended, not
 * revoked: who holds one of them can object. What came to the account since the recovery began is tentative: it opens
 * the account, but it objects to nothing, takes no older way in away, and goes when somebody objects who was there
 * before. After the grace time the recovery stands, and what was declared lost is gone.
 */
import { refuse } from "../errors.ts";
import type { Millis } from "../store/store.ts";
import type { Account, Passkey, Repair } from "./account.ts";
import { withoutPasses } from "./passes.ts";
import { endSessions } from "./sessions.ts";
import { isRepairing, isTentative, mayObject } from "./tentative.ts";
import { type Moment, note } from "./transitions.ts";

/** In the place of the credential ids that are declared lost. No credential has this id. */
export const ALL_OTHERS = "*";

/** What a recovery came to: how the person got in and when, the passkey that was made, and those that are lost. */
export interface RepairInput {
  by: Repair["by"];
  /** When the code or pass was used; milliseconds since the epoch. */
  began: number;
  added: string;
  /** Credential ids, or {@link ALL_OTHERS}. */
  lost: readonly string[];
  delay: Millis;
  grace: Millis;
}

/**
 * Completes a recovery at the proof of its passkey, which was pending until now: it becomes active, or waits where the
 * operator asks for a delay. A second recovery within the grace time of the first adds to it.
 *
 * @throws `account_limited`, `passkey_unknown`; `ceremony_expired` when everything was ended since the recovery began
 */
export function completeRepair(account: Account, input: RepairInput, now: Moment): Account {
  const { by, added, delay } = input;
  if (account.state !== "active") throw refuse("account_limited");
  if (isCutOff(account, input)) throw refuse("ceremony_expired");
  if (!account.passkeys.some(({ id, state }) => id === added && state === "pending"))
    throw refuse("passkey_unknown");
  const current = isRepairing(account, now) ? account : settled(account);
  const repair = openRepair(current, input, now);
  const proved = { ...withState(current, [added], "suspended"), repair };
  if (delay === 0) return takeEffect(proved, now);
  return note(proved, "recovery.waiting", now, { subject: added, detail: { by, lost: repair.lost.length } });
}

/** Whether a recovery that began then is over: another one was completed, or one was cancelled. */
export function isCutOff({ endedBefore = 0 }: Account, { began }: { began: number }): boolean {
  return began <= endedBefore;
}

function openRepair(account: Account, { by, added, lost, delay, grace }: RepairInput, now: Moment): Repair {
  const before = account.repair;
  const held = account.passkeys.filter(({ id, state }) => id !== added && state === "active");
  const named = held.filter(({ id }) => lost.includes(id) || lost.includes(ALL_OTHERS)).map(({ id }) => id);
  const starts = now.at + delay;
  return {
    since: before?.since ?? now.at,
    by,
    added: [...(before?.added ?? []), added],
    lost: [...new Set([...(before?.lost ?? []), ...named])],
    until: Math.max(before?.until ?? 0, starts + grace),
    ...(delay === 0 ? {} : { starts }),
  };
}

/** The delay is over: the new passkey signs in from now on. `undefined` while there is nothing to do. */
export function startRepair(account: Account, now: Moment): Account | undefined {
  const { starts } = account.repair ?? {};
  if (starts === undefined || now.at < starts || account.state !== "active") return undefined;
  return takeEffect(account, now);
}

/**
 * What was made becomes active, what was declared lost is suspended, or goes where it is tentative itself. Sessions end,
 * and so does every pass. Somebody who needed an administrator's pass had no codes, or somebody else has them.
 */
function takeEffect(account: Account, now: Moment): Account {
  const { repair, recoveryCodes, ...rest } = withoutPasses(account);
  if (!repair) return account;
  const { starts: _, ...open } = repair;
  const gone = (held: Passkey) => repair.lost.includes(held.id) && isTentative(account, held);
  const kept = rest.passkeys.filter((held) => !gone(held));
  const stays = (id: string) => kept.some((held) => held.id === id);
  const effective: Account = {
    ...rest,
    ...(recoveryCodes && repair.by !== "pass" ? { recoveryCodes } : {}),
    passkeys: kept,
    repair: { ...open, added: repair.added.filter(stays), lost: repair.lost.filter(stays) },
  };
  const { added, lost, by } = effective.repair as Repair;
  const repaired = withState(withState(effective, added, "active"), lost, "suspended");
  const about = { subject: added.at(-1) ?? "", detail: { by, suspended: lost.length } };
  return note(endSessions(repaired, now), "recovery.completed", now, about);
}

/**
 * Somebody objects who was there before: what the recovery suspended is active again, everything that came since it
 * began is gone, and so are the codes and passes, of which somebody else has at least one.
 *
 * @throws `passkey_unknown` when that passkey cannot object (any more)
 */
export function cancelRepair(account: Account, objector: string, now: Moment): Account {
  if (!mayObject(account, objector, now)) throw refuse("passkey_unknown");
  const { repair, recoveryCodes: _, ...rest } = withoutPasses(account);
  const passkeys = account.passkeys.filter(
    (held) => !isTentative(account, held) && !(held.state === "pending" && held.addedBy === "recovery"),
  );
  const restored = withState({ ...rest, passkeys }, repair?.lost ?? [], "active");
  return note(endSessions(restored, now), "recovery.cancelled", now, { subject: objector });
}

/** The grace time is over: what was declared lost is gone for good. `undefined` while there is nothing to do. */
export function endRepair(account: Account, now: Moment): Account | undefined {
  const { repair } = account;
  if (!repair || isRepairing(account, now) || repair.starts !== undefined) return undefined;
  return note(settled(account), "recovery.ended", now, { detail: { revoked: repair.lost.length } });
}

/** Without what a recovery declared lost. Suspended passkeys opened nothing, so there is nothing more to end. */
function settled(account: Account): Account {
  const { repair, ...rest } = account;
  const revoked = ({ id, state }: Passkey) => state === "suspended" && repair?.lost.includes(id) === true;
  return { ...rest, passkeys: rest.passkeys.filter((held) => !revoked(held)) };
}

function withState(account: Account, ids: readonly string[], state: Passkey["state"]): Account {
  const passkeys = account.passkeys.map((held) => (ids.includes(held.id) ? { ...held, state } : held));
  return { ...account, passkeys };
}
