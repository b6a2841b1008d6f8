/**
 * What is not certain yet after a recovery: who recovered may have stolen the code. Until the grace time is over,
 * passkeys that came since are tentative, and those that were there before decide.
 */
import type { Account, Passkey } from "./account.ts";

/** Whether somebody can still object to a recovery of this account. */
export function isRepairing({ repair }: Account, now: { at: number }): boolean {
  return repair !== undefined && now.at < repair.until;
}

/** Whether a passkey came with the recovery that is open, or after it began. */
export function isTentative({ repair }: Account, { id, created }: Passkey): boolean {
  return repair !== undefined && (repair.added.includes(id) || created >= repair.since);
}

/** Whether the holder of this passkey may undo the recovery that is open. */
export function mayObject(account: Account, passkeyId: string, now: { at: number }): boolean {
  if (account.state !== "active" || !isRepairing(account, now)) return false;
  const held = account.passkeys.find(({ id }) => id === passkeyId);
  return held !== undefined && !isTentative(account, held) && isThere(account, held);
}

/** What is suspended for another reason than this recovery has no say in it. */
function isThere({ repair }: Account, { id, state }: Passkey): boolean {
  return state === "active" || (state === "suspended" && repair?.lost.includes(id) === true);
}

/** Whether an open recovery declares this passkey lost: its holder is asked when it is used. */
export function isDeclaredLost(account: Account, passkeyId: string, now: { at: number }): boolean {
  return mayObject(account, passkeyId, now) && account.repair?.lost.includes(passkeyId) === true;
}

/** Whether this passkey waits for the delay of its recovery. */
export function isWaiting(account: Account, passkeyId: string): boolean {
  const { repair } = account;
  return repair?.starts !== undefined && repair.added.includes(passkeyId);
}
