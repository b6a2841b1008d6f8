/**
 * A change of the e-mail address: wanted, proved, settled, and for a week taken back from where it was before.
 *
 * The new address counts only once its holder has proved it. While it is being claimed the document names it already,
 * so that of two accounts that prove one address one gets it; and it goes on naming those it was changed from until
 * nobody can take the change back any more.
 */
import { refuse } from "../errors.ts";
import type { Account, EmailChange, FormerEmail } from "./account.ts";
import { checkEmail, parseEmail } from "./names.ts";
import { endSessions } from "./sessions.ts";
import { type Moment, note } from "./transitions.ts";
import { assertUnwatched } from "./watch.ts";

export const PROOF_MINUTES = 30;
const PROOF_TIME = PROOF_MINUTES * 60_000;
/** How long a change can be taken back. */
const UNDO_TIME = 7 * 24 * 60 * 60_000;
/** How often an address may change in that time. */
const MOST_CHANGES = 3;

/** @throws `account_limited`, `account_watched`, `email_invalid`, `too_many_requests` */
export function proposeEmail(
  account: Account,
  { address, token, code }: Pick<EmailChange, "address" | "token" | "code">,
  now: Moment,
): Account {
  if (account.state !== "active") throw refuse("account_limited");
  assertUnwatched(account, now);
  if (formerOf(account, now).length >= MOST_CHANGES) throw refuse("too_many_requests");
  const { typed } = checkEmail(address);
  return { ...account, emailChange: { address: typed, token, code, until: now.at + PROOF_TIME } };
}

/** What shows that somebody reads the mail to an address: SHA-256 of the link's token, or of the code. */
export type EmailProof = { token: string } | { code: string };

/** @throws `email_proof_invalid` */
export function claimEmail(account: Account, proof: EmailProof, now: Moment): Account {
  const { emailChange: change } = account;
  const proved = change && ("token" in proof ? proof.token === change.token : proof.code === change.code);
  if (!change || !proved || change.until <= now.at || account.state !== "active") {
    throw refuse("email_proof_invalid");
  }
  return { ...account, emailChange: { ...change, claiming: true } };
}

/** The claim is made: the address is the account's. @param undo SHA-256 of what takes it back */
export function settleEmail(account: Account, undo: string, now: Moment): Account {
  const { emailChange: change, email, emailVerified, ...rest } = account;
  if (!change?.claiming) throw refuse("email_proof_invalid");
  const former = formerOf(account, now);
  const moved = emailVerified && email !== undefined && canonical(email) !== canonical(change.address);
  const left = moved ? [{ address: email, token: undo, until: now.at + UNDO_TIME }] : [];
  const settled = { ...withFormer(rest, [...former, ...left]), email: change.address, emailVerified: true };
  return note(settled, "email.changed", now);
}

/** The address was somebody else's, or is not wanted any more. */
export function withdrawEmail({ emailChange: _, ...account }: Account): Account {
  return account;
}

/**
 * Takes a change back, and every later one: whoever made them may still be signed in, so everything ends.
 *
 * @throws `email_proof_invalid`
 */
export function restoreEmail(account: Account, token: string, now: Moment): Account {
  const former = formerOf(account, now);
  const at = former.findIndex((one) => one.token === token);
  const found = former[at];
  if (!found || account.state === "pending") throw refuse("email_proof_invalid");
  const { emailChange: _, ...rest } = withFormer(account, former.slice(0, at));
  const restored = { ...endSessions(rest, now), email: found.address, emailVerified: true };
  return note(restored, "email.restored", now);
}

/** Forgets what nobody can prove or take back any more; `undefined` where there is nothing of the kind. */
export function withoutOldEmails(account: Account, now: { at: number }): Account | undefined {
  const former = formerOf(account, now);
  const isOld = account.emailChange !== undefined && account.emailChange.until <= now.at;
  if (!isOld && former.length === (account.formerEmails?.length ?? 0)) return undefined;
  return withFormer(isOld ? withdrawEmail(account) : account, former);
}

/** Whether the document holds an address, in its canonical form, in whatever way. */
export function namesEmail(account: Account, address: string): boolean {
  const { email, emailVerified, emailChange, formerEmails = [] } = account;
  return [
    ...(emailVerified && email !== undefined ? [email] : []),
    ...(emailChange?.claiming ? [emailChange.address] : []),
    ...formerEmails.map((former) => former.address),
  ].some((held) => canonical(held) === address);
}

function formerOf({ formerEmails = [] }: Account, now: { at: number }): FormerEmail[] {
  return formerEmails.filter(({ until }) => until > now.at);
}

function withFormer<T extends Pick<Account, "formerEmails">>(
  { formerEmails: _, ...account }: T,
  former: FormerEmail[],
) {
  return former.length === 0 ? account : { ...account, formerEmails: former };
}

function canonical(address: string): string | undefined {
  return parseEmail(address)?.canonical;
}
