/**
 * A host's accounts as our pages know accounts: the host says who there is and what they are called, our document says
 * which ways in are open.
 */
import type { FindAccount, Account as ProviderAccount } from "oidc-provider";
import { type Account, accountRecord } from "../account/account.ts";
import { type Accounts, accounts } from "../account/accounts.ts";
import type { NewAccountInput } from "../account/create.ts";
import { claimHandle, enlist, enlistWithPasskey } from "../account/host.ts";
import { parseDisplayName, parseEmail } from "../account/names.ts";
import type { AccountsOptions } from "../account/revise.ts";
import { isOver } from "../account/sessions.ts";
import { refuse } from "../errors.ts";
import { beganAt } from "../oidc/contribution.ts";
import type { Stored } from "../store/store.ts";
import type { UnitOfWork } from "../store/unit.ts";
import type { HostAccounts } from "./options.ts";

/** Accounts over a host's table. */
export function hostAccounts(options: AccountsOptions, host: HostAccounts): Accounts {
  const ours = accounts(options);
  const find = (id: string) => findTheirs(host, id);
  /** An account that the host does not have any more is nobody's, whatever our document says. */
  const known = async (found: Stored<Account> | undefined): Promise<Stored<Account> | undefined> => {
    const theirs = found && (await find(found.value.id));
    return found && theirs ? { ...found, value: await named(found.value, theirs) } : undefined;
  };
  return {
    ...ours,
    async find(id) {
      const theirs = await find(id);
      if (!theirs) return undefined;
      const found = await enlist(options, id, host.verifyPassword ? "open" : undefined);
      return { ...found, value: await named(found.value, theirs) };
    },
    findByHandle: async (handle) => known(await ours.findByHandle(handle)),
    async findByLogin(text) {
      const id = await host.findByLogin?.(text);
      return id === undefined ? undefined : known(await ours.find(id));
    },
    create: (input) => create(options, host, input),
    async addPasskey(id, passkey) {
      const found = await ours.find(id);
      if (found) await claimHandle(options.store, found.value);
      return ours.addPasskey(id, passkey);
    },
  };
}

/**
 * The host's account of an id. One account under two ids would have two documents, and a password closed in one of them
 * would still be open in the other.
 *
 * @throws TypeError when the host answers with another account than it was asked for
 */
export async function findTheirs(host: HostAccounts, id: string): Promise<ProviderAccount | undefined> {
  const theirs = await host.find(id);
  if (!theirs || theirs.accountId === id) return theirs ?? undefined;
  throw new TypeError(
    `accounts.find("${id}") gave an account with another accountId: find accounts by their id alone, ` +
      "and give that id as accountId and from findByLogin",
  );
}

/** What the host calls an account, for our pages; a name that cannot be shown is left out. */
export async function named(account: Account, theirs: ProviderAccount): Promise<Account> {
  const claims = await theirs.claims("userinfo", "openid profile email", {}, []);
  const text = (claim: unknown) => (typeof claim === "string" ? claim : "");
  const name = parseDisplayName(text(claims.name));
  const email = parseEmail(text(claims.email))?.typed;
  const username = parseDisplayName(text(claims.preferred_username)) ?? email ?? account.id;
  return {
    ...account,
    username,
    ...(name === undefined ? {} : { name }),
    ...(email === undefined ? {} : { email, emailVerified: claims.email_verified === true }),
  };
}

/** Of a sign-up the host makes its part first: only it knows whether it wants this account, and by which id. */
async function create(
  options: AccountsOptions,
  host: HostAccounts,
  input: NewAccountInput,
): Promise<Account> {
  const { handle, passkey, name, email, username } = input;
  if (!host.create || handle === undefined) throw refuse("sign_up_closed");
  const held = await accounts(options).findByCredential(passkey.id);
  if (held) throw refuse("credential_registered");
  const fields = Object.entries({ name, email, username }).filter(([, value]) => value);
  // Nothing that was typed is verified: a host that gives the account it has already would give it to anybody.
  const there = await Promise.all([email, username].map((text) => text && host.findByLogin?.(text)));
  const id = await host.create(Object.fromEntries(fields));
  if (there.includes(id)) throw refuse("account_exists");
  return enlistWithPasskey(options, id, handle, passkey);
}

/**
 * The provider's view of an account: the host's, unless what it is asked for began before everything of this account
 * was ended (a recovery, "It wasn't me"). The host's sessions and tokens are looked at when they are used.
 */
export function findHostAccount(unit: UnitOfWork, host: HostAccounts): FindAccount {
  return async (ctx, id, token) => {
    const [theirs, ours] = await Promise.all([
      findTheirs(host, id),
      unit.read<object>(accountRecord.key(id)),
    ]);
    if (!theirs || !ours) return theirs;
    const account = accountRecord.decode(ours.value);
    return account.state === "active" && !isOver(account, beganAt(ctx, token)) ? theirs : undefined;
  };
}
