/**
 * Accounts that are somebody else's: who they are and what they are called is in a host's own table, and the document
 * here holds their passkeys and what became of their password. Its id is the host's; its handle is its own, and found
 * by a hint.
 */
import { refuse } from "../errors.ts";
import { newVersion } from "../store/record.ts";
import type { Store, Stored } from "../store/store.ts";
import { type Account, accountRecord, newHandle, type PasswordWay } from "./account.ts";
import { claim, claimsOf, credentialClaim, handleClaim, release } from "./directory.ts";
import { type AccountsOptions, moment, publish, revise } from "./revise.ts";
import { endSessionsFully } from "./sessions.ts";
import { addPasskey, note } from "./transitions.ts";

/** What may be a host's account id: it becomes a key, a `sub` and a part of cookies' signatures, so it is plain text. */
const ID = /^[\x21-\x7e]{1,200}$/;

/** The document of a host's account as it begins. */
export function newHostAccount(id: string, password: PasswordWay["state"] | undefined, at: number): Account {
  if (!ID.test(id)) throw new TypeError("an account id is 1 to 200 visible ASCII characters");
  return {
    id,
    handle: newHandle(),
    state: "active",
    username: id,
    emailVerified: false,
    groups: [],
    passkeys: [],
    ...(password === undefined ? {} : { password: { state: password, since: at } }),
    created: at,
    outbox: [],
  };
}

/**
 * The document of a host's account, made where there is none yet. Of several requests that make it at once one does.
 *
 * @param password where its password stands if the document is made now; absent for an account that never had one
 */
export async function enlist(
  options: AccountsOptions,
  id: string,
  password?: PasswordWay["state"],
): Promise<Stored<Account>> {
  const { store, clock } = options;
  const found = await accountRecord.read(store, id);
  if (found) return found;
  const account = newHostAccount(id, password, clock.now());
  const how = { expect: "absent", version: newVersion(), durable: true } as const;
  if (!(await store.commit(accountRecord.key(id), accountRecord.encode(account), how)))
    return enlist(options, id, password);
  await claim(store, handleClaim(account.handle), id);
  return { value: account, version: how.version };
}

/** Makes sure that the handle leads to its account, which a crash may have prevented. */
export async function claimHandle(store: Store, { id, handle }: Account): Promise<void> {
  const wanted = handleClaim(handle);
  const hint = await wanted.record.read(store, handle);
  if (hint?.value.account !== id) await claim(store, wanted, id);
}

/**
 * The document of an account that the host has made for a passkey: with the handle that the authenticator was given.
 *
 * @throws `account_exists` when there is one already, `credential_registered`
 */
export async function enlistWithPasskey(
  options: AccountsOptions,
  id: string,
  handle: string,
  passkey: Account["passkeys"][number],
): Promise<Account> {
  const { store } = options;
  const now = moment(options);
  const begun = addPasskey({ ...newHostAccount(id, undefined, now.at), handle }, passkey, now);
  const how = { expect: "absent", version: newVersion() } as const;
  if (!(await store.commit(accountRecord.key(id), accountRecord.encode(begun), how)))
    throw refuse("account_exists");
  await claim(store, handleClaim(handle), id);
  if (!(await claim(store, credentialClaim(passkey.id), id))) throw refuse("credential_registered");
  const activate = (account: Account) => {
    const passkeys = account.passkeys.map((held) => ({ ...held, state: "active" as const }));
    return note({ ...account, passkeys }, "account.created", now, { subject: passkey.id });
  };
  const account = await revise(options, id, activate, { durable: true });
  await publish(options, account, now);
  return account;
}

/**
 * Forgets an account because its host has: the document, and every name that led to it. Where the host still has the
 * account and its password is closed, that much is kept: a document that began anew would open the password again.
 *
 * @returns whether there was one
 */
export async function forgetAccount(
  options: AccountsOptions,
  id: string,
  { isThere = false } = {},
): Promise<boolean> {
  const { store, clock } = options;
  const found = await accountRecord.read(store, id);
  if (!found) return false;
  const names = [...claimsOf(found.value), handleClaim(found.value.handle)];
  const hints = await Promise.all(names.map(({ record, name }) => record.read(store, name)));
  if (isThere && found.value.password?.state === "closed")
    await revise(options, id, (account) => bare(account, clock.now()), { durable: true });
  else await store.remove(accountRecord.key(id), { durable: true });
  for (const [at, name] of names.entries()) {
    const hint = hints[at];
    if (hint?.value.account === id) await release(store, name, hint.version);
  }
  return true;
}

/** A document that knows nothing but that its password is closed, and what is owed for that. */
function bare({ id, password }: Account, at: number): Account {
  return endSessionsFully(
    { ...newHostAccount(id, undefined, at), ...(password ? { password } : {}) },
    { at },
  );
}
