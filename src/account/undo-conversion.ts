/**
 * "It wasn't me", said by whoever gets the notices: somebody else knew the password and made a passkey with it.
 *
 * What happened since is taken for that somebody's. Every passkey that was made since is suspended, for good: unlike one
 * that a recovery declared lost it has nothing to object to. Recovery codes and passes from that time are void, the
 * password is closed, because it is known, and everything that is open ends. What the owner had before goes on working;
 * an owner who had nothing is left with an account that only recovery opens, the same state in which dropping a password
 * leaves an account: active, with no way in but the ladder.
 */
import { refuse } from "../errors.ts";
import type { Account, Passkey, Watch } from "./account.ts";
import { withoutPasses } from "./passes.ts";
import { endSessions } from "./sessions.ts";
import { type Moment, note } from "./transitions.ts";

/** Whether a link works now; `link` is its fingerprint. */
export function mayUndo(account: Account, link: string, now: { at: number }): boolean {
  const undo = account.watch?.undo;
  return account.state === "active" && undo !== undefined && undo.links.includes(link) && now.at < undo.until;
}

/** The passkeys that a link would suspend: those of the conversion, and whatever was added since. */
export function madeSince({ passkeys, watch }: Account): Passkey[] {
  const since = watch?.undo?.since ?? Number.POSITIVE_INFINITY;
  return passkeys.filter(
    ({ id, created, state }) => state !== "pending" && (created >= since || watch?.passkeys.includes(id)),
  );
}

/** @throws `undo_link_invalid` for a link that was used, has expired, or was never this account's */
export function undoConversion(account: Account, link: string, now: Moment): Account {
  const { watch } = account;
  if (!watch?.undo || !mayUndo(account, link, now)) throw refuse("undo_link_invalid");
  const suspended = madeSince(account).map(({ id }) => id);
  const { password } = account;
  const undone: Account = {
    ...withoutLaterCodes(withoutPasses(account), watch.undo.since),
    // A pending one belongs to a request that is still under way, which now comes to nothing.
    passkeys: account.passkeys
      .filter(({ state }) => state !== "pending")
      .map((held) => (suspended.includes(held.id) ? { ...held, state: "suspended" } : held)),
    watch: withoutLink(watch),
    ...(password?.state === "open" ? { password: { ...password, state: "closed", since: now.at } } : {}),
  };
  const detail = { suspended: suspended.length };
  return note(endSessions(withoutTheirRepair(undone, suspended), now), "conversion.undone", now, { detail });
}

/** A set of codes that was made since is somebody else's. */
function withoutLaterCodes({ recoveryCodes, ...account }: Account, since: number): Account {
  return recoveryCodes && recoveryCodes.created < since ? { ...account, recoveryCodes } : account;
}

/** Works once. */
function withoutLink({ undo: _, ...watch }: Watch): Watch {
  return watch;
}

/**
 * A recovery that was somebody else's is undone with it: nothing that he made takes effect later or speaks for the owner,
 * and what he declared lost is not.
 */
function withoutTheirRepair(account: Account, suspended: readonly string[]): Account {
  const { repair, ...rest } = account;
  if (!repair) return account;
  const [added, lost] = [repair.added, repair.lost].map((ids) => ids.filter((id) => !suspended.includes(id)));
  if (added?.length) return { ...rest, repair: { ...repair, added, lost: lost ?? [] } };
  const restored = (held: Passkey): Passkey =>
    lost?.includes(held.id) ? { ...held, state: "active" } : held;
  return { ...rest, passkeys: rest.passkeys.map(restored) };
}
