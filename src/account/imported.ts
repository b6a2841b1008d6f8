/**
 * What an import may change of an account that an import made. The names are the file's for as long as nobody took
 * the account into use with a passkey; from then on they are the owner's.
 */
import { refuse } from "../errors.ts";
import type { Store } from "../store/store.ts";
import { type Account, accountRecord } from "./account.ts";
import {
  abandon,
  type Claim,
  claim,
  emailClaim,
  emailHint,
  release,
  usernameClaim,
  usernameHint,
} from "./directory.ts";
import { importedGroups } from "./groups.ts";
import { parseEmail } from "./names.ts";
import { openPassword } from "./password-way.ts";
import { type AccountsOptions, revise } from "./revise.ts";
import { type Moment, note } from "./transitions.ts";

/** What a file says now; whatever it does not say stays. */
export interface ImportedChanges {
  username?: string | undefined;
  email?: string | undefined;
  emailVerified: boolean;
  name?: string | undefined;
  groups?: readonly string[] | undefined;
}

/** Whether somebody has made the account their own. */
export function isTaken(account: Account): boolean {
  return account.passkeys.some(({ state }) => state !== "pending");
}

/** The account with the changes, or nothing when there are none. */
export function changeImported(account: Account, changes: ImportedChanges, now: Moment): Account | undefined {
  const changed: Account = {
    ...account,
    ...(changes.name === undefined ? {} : { name: changes.name.trim().normalize("NFC") }),
    ...(changes.groups === undefined ? {} : { groups: importedGroups(account, changes.groups) }),
    ...(isTaken(account) ? {} : namesIn(account, changes)),
  };
  return isSame(account, changed) ? undefined : note(changed, "account.updated", now);
}

function namesIn(account: Account, { username, email, emailVerified }: ImportedChanges): Partial<Account> {
  return {
    ...(username === undefined ? {} : { username }),
    ...(email === undefined ? {} : { email, emailVerified: emailVerified }),
    ...(email === undefined && account.email === undefined ? { emailVerified: false } : {}),
  };
}

function isSame(one: Account, other: Account): boolean {
  const facts = ({ username, email, emailVerified, name, groups }: Account) =>
    JSON.stringify([username, email, emailVerified, name, [...groups].sort()]);
  return facts(one) === facts(other);
}

/**
 * Carries the changes out: the document first, then the hints of new names; where somebody else has one, the document
 * takes it back.
 *
 * @throws `username_taken`, `email_taken`
 */
export async function updateImported(
  options: AccountsOptions,
  account: Account,
  changes: ImportedChanges,
): Promise<boolean> {
  const { store } = options;
  const now = { at: 0, event: "" };
  const next = changeImported(account, changes, now);
  if (!next) return false;
  const wanted = namesOf(next).filter((one) => !one.namedBy(account));
  const left = namesOf(account).filter((one) => !one.namedBy(next));
  const seen = await Promise.all(left.map(({ record, name }) => record.read(store, name)));
  await revise(options, account.id, (current, moment) => changeImported(current, changes, moment), {
    durable: true,
  });
  for (const one of wanted) {
    if (await claim(store, one, account.id)) continue;
    await revise(options, account.id, (current) => withNamesOf(account, current));
    throw refuse(one.refusal);
  }
  for (const [at, one] of left.entries()) {
    const hint = seen[at];
    if (hint?.value.account === account.id) await release(store, one, hint.version);
  }
  return true;
}

/**
 * Takes away what an import that was killed had begun under these names, so that the next one need not wait until it
 * expires. What began after `before` may be finished yet; one that is still at it finds that its document has gone, and
 * gives way.
 */
export async function forgetUnfinished(
  store: Store,
  { sub, username, email }: { sub?: string; username?: string; email?: string },
  before: number,
): Promise<"nothing" | "young" | "removed"> {
  const address = email === undefined ? undefined : parseEmail(email)?.canonical;
  const hints = await Promise.all([
    username === undefined ? undefined : usernameHint.read(store, username),
    address === undefined ? undefined : emailHint.read(store, address),
  ]);
  const ids = new Set(
    [sub, ...hints.map((hint) => hint?.value.account)].filter((id) => id !== undefined && id !== ""),
  );
  let left: "nothing" | "removed" = "nothing";
  for (const id of ids as Set<string>) {
    const stored = await accountRecord.read(store, id);
    if (stored?.value.state !== "pending" || !stored.value.imported) continue;
    if (stored.value.created > before) return "young";
    await abandon(store, stored.value, stored.version);
    left = "removed";
  }
  return left;
}

/** Opens the password of an account that never had one. @throws `password_closed` */
export async function openImported(options: AccountsOptions, id: string): Promise<Account> {
  return revise(
    options,
    id,
    (account, now) => {
      if (isTaken(account) && account.password === undefined) throw refuse("password_closed");
      return openPassword(account, now);
    },
    { durable: true },
  );
}

function namesOf(account: Account): Claim[] {
  const email = account.emailVerified && account.email ? parseEmail(account.email) : undefined;
  return [usernameClaim(account.username), ...(email ? [emailClaim(email.canonical)] : [])];
}

function withNamesOf({ username, email, emailVerified }: Account, current: Account): Account {
  const { email: _, ...rest } = current;
  return { ...rest, username, emailVerified, ...(email === undefined ? {} : { email }) };
}
