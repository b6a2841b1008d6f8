/**
 * How an account comes into being, one key at a time.
 *
 * (a) The document is committed as `pending`, with an expiry. (b) Each of its names is claimed, without expiry.
 * (c) The document is committed as `active` against the pending version. The claims decide; a creation that dies
 * leaves a document that expires, and hints that nobody names back. The model in the tests walks every order of
 * these steps, with crashes and expiries between them.
 */
import { isRefusal, refuse } from "../errors.ts";
import { newVersion } from "../store/record.ts";
import type { Millis, Store, Version } from "../store/store.ts";
import { type Account, accountRecord, newHandle, type Passkey } from "./account.ts";
import { abandon, type Claim, claim, claimsOf, usernameClaim } from "./directory.ts";
import { checkDisplayName, checkEmail, checkUsername, deriveUsernames } from "./names.ts";
import { type AccountsOptions, moment, publish } from "./revise.ts";
import { activateAccount, type Birth, newAccount } from "./transitions.ts";

/** How long a creation may take before its names are free again. */
export const PENDING_TTL: Millis = 10 * 60 * 1000;

/** A user handle: 32 bytes in base64url. */
const HANDLE = /^[A-Za-z0-9_-]{43}$/;

/** What a new account is made of. Whatever else an object carries is ignored. */
export interface NewAccountInput {
  /** The user handle the authenticator was given: 32 random bytes, base64url. Becomes the account's id. */
  handle?: string | undefined;
  name?: string | undefined;
  email?: string | undefined;
  /** Only a verified address is unique, and only a verified address finds its account. */
  emailVerified?: boolean | undefined;
  /** Chosen, so refused when it is taken; without it, one is derived from the address or the name. */
  username?: string | undefined;
  /** The language of the pages on which it was made. */
  language?: string | undefined;
  groups?: readonly string[] | undefined;
  passkey: Passkey;
}

export interface CreateOptions {
  /** Claimed before all others: what besides its names must be this account's alone. */
  claims?: readonly Claim[];
  event?: Birth;
}

/** What an import makes an account of: it comes without a passkey, and keeps the id that apps know it by. */
export interface ImportedInput extends Omit<NewAccountInput, "handle" | "passkey"> {
  /** Becomes the account's id, which is its `sub`. Without it, the user handle does. */
  sub?: string | undefined;
  disabled?: boolean | undefined;
  /** Whether a password comes along, and so a verifier with {@link createImported}'s `verifier`. */
  password: boolean;
}

/** A pending document and the version it stands at. */
interface Draft {
  account: Account;
  version: Version;
}

/** Creates an account; see `Accounts.create`. */
export async function createAccount(
  options: AccountsOptions,
  input: NewAccountInput,
  { claims = [], event = "account.created" }: CreateOptions,
): Promise<Account> {
  const composed = compose(input, options.clock.now());
  return bringAbout(options, composed, { claims, event });
}

/**
 * Creates an account without a passkey, which only an import may. `verifier` is called while the document is still
 * pending and says already that a password is open: a crash leaves a verifier that is swept, never an account without
 * a way in.
 *
 * @throws what `Accounts.create` throws
 */
export async function createImported(
  options: AccountsOptions,
  { sub, disabled, password, ...input }: ImportedInput,
  verifier: (accountId: string) => Promise<void>,
): Promise<Account> {
  const at = options.clock.now();
  const { account, usernames } = compose(input, at);
  const imported: Account = {
    ...account,
    id: sub ?? account.id,
    imported: true,
    ...(password ? { password: { state: "open", since: at } } : {}),
  };
  const before = () => (password ? verifier(imported.id) : Promise.resolve());
  const birthday = { event: "account.imported", before, disabled: disabled === true } as const;
  return bringAbout(options, { account: imported, usernames }, birthday);
}

interface Composed {
  account: Account;
  usernames: Iterator<string>;
}

interface Birthday {
  claims?: readonly Claim[];
  event: Birth;
  /** Done last of all before the account becomes active. */
  before?: () => Promise<void>;
  /** Nobody signs in to it before an operator enables it. */
  disabled?: boolean;
}

async function bringAbout(
  options: AccountsOptions,
  { account, usernames }: Composed,
  { claims = [], event, before = async () => {}, disabled = false }: Birthday,
): Promise<Account> {
  const { store } = options;
  const draft = await begin(store, account);
  try {
    for (const wanted of [...claims, ...claimsOf(account)]) {
      if (!(await claim(store, wanted, account.id))) throw refuse(wanted.refusal);
    }
    await claimUsername(store, draft, usernames);
    await before();
    const now = moment(options);
    const active = activateAccount(draft.account, event, now);
    const made: Account = disabled ? { ...active, state: "disabled" } : active;
    await proceed(store, draft, made, { durable: true });
    await publish(options, made, now);
    return made;
  } catch (error) {
    await giveUp(store, draft);
    throw error;
  }
}

function compose(input: Omit<NewAccountInput, "passkey"> & { passkey?: Passkey }, at: number): Composed {
  const handle = input.handle ?? newHandle();
  if (!HANDLE.test(handle)) throw new TypeError("handle must be the base64url form of 32 bytes");
  const email = blank(input.email) ? undefined : checkEmail(input.email).typed;
  const name = blank(input.name) ? undefined : checkDisplayName(input.name);
  const known = { ...(email === undefined ? {} : { email }), ...(name === undefined ? {} : { name }) };
  const usernames = blank(input.username)
    ? deriveUsernames(known)
    : [checkUsername(input.username)][Symbol.iterator]();
  const { emailVerified, language, groups, passkey } = input;
  const username: string = usernames.next().value;
  const fields = { id: handle, handle, username, ...known, emailVerified, language, groups, passkey };
  return { account: newAccount(fields, { at }), usernames };
}

async function begin(store: Store, account: Account): Promise<Draft> {
  const version = newVersion();
  const options = { expect: "absent" as const, version, ttl: PENDING_TTL };
  const begun = await store.commit(accountRecord.key(account.id), accountRecord.encode(account), options);
  if (!begun) throw refuse("account_exists");
  return { account, version };
}

/** Claims the username, or, while there are more of them, the first one that is free. */
async function claimUsername(store: Store, draft: Draft, others: Iterator<string>): Promise<void> {
  while (!(await claim(store, usernameClaim(draft.account.username), draft.account.id))) {
    const next = others.next();
    if (next.done) throw refuse("username_taken");
    await proceed(store, draft, { ...draft.account, username: next.value }, { ttl: PENDING_TTL });
  }
}

/** Writes the document on from the version this creation left it at. */
async function proceed(
  store: Store,
  draft: Draft,
  account: Account,
  how: { ttl?: Millis; durable?: boolean },
): Promise<void> {
  const version = newVersion();
  const options = { ...how, expect: draft.version, version };
  const done = await store.commit(accountRecord.key(account.id), accountRecord.encode(account), options);
  // The pending document expired, so its names may belong to somebody else by now.
  if (!done) throw refuse("ceremony_expired");
  Object.assign(draft, { account, version });
}

async function giveUp(store: Store, { account, version }: Draft): Promise<void> {
  if (account.state !== "pending") return;
  try {
    await abandon(store, account, version);
  } catch (error) {
    // It expires by itself; the person hears why the creation was refused, not that tidying failed.
    if (!isRefusal(error)) throw error;
  }
}

function blank(text: string | undefined): text is undefined {
  return text === undefined || text.trim() === "";
}
