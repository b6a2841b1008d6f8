/**
 * Names and where they lead: the indexes of accounts.
 *
 * Documents are the truth, an index entry is a hint: it holds an account id, and counts only as long as the
 * document of that account names it back. So a crash between two writes leaves a hint that leads nowhere, never a
 * second owner of a name.
 *
 * Whoever wants a name writes it into his document first and claims the hint afterwards. Both a taken and a removed
 * hint are compare-and-set, and a claim writes even when the hint names the claimant already: somebody who looked
 * while the account was gone must find a newer version.
 */
import { type ErrorCode, refuse } from "../errors.ts";
import { newVersion, type RecordKind, recordKind } from "../store/record.ts";
import type { Millis, Store, Stored, Version } from "../store/store.ts";
import { type Account, accountRecord } from "./account.ts";
import { namesEmail } from "./email.ts";
import { parseEmail, parseUsername } from "./names.ts";

/** An index entry: the account that claimed the name. */
export interface Hint {
  account: string;
}

/** A name that belongs to one account at most. */
export interface Claim {
  readonly record: RecordKind<Hint>;
  /** The name in its canonical form. */
  readonly name: string;
  /** What somebody is told who comes second. */
  readonly refusal: ErrorCode;
  /** Whether a document, of whatever state, holds this name. */
  namedBy(account: Account): boolean;
}

/** Finds accounts. Those that never became active are hidden, except where said. */
export interface Directory {
  find(id: string): Promise<Stored<Account> | undefined>;
  /** By user handle: a native account's id is its handle, so one read finds it. */
  findByHandle(handle: string): Promise<Stored<Account> | undefined>;
  /** By username or verified e-mail address, in any spelling; `undefined` for anything else. */
  findByLogin(text: string): Promise<Stored<Account> | undefined>;
  /** By credential id, whatever the state of the account and the passkey: whether *anybody* holds it. */
  findByCredential(credentialId: string): Promise<Stored<Account> | undefined>;
}

/** Soon enough to count as removed; the port removes conditionally only by letting a record expire. */
const AT_ONCE: Millis = 1;

/** What may be asked for: a credential id has at most 1023 bytes (WebAuthn L3 §4), anything longer is nobody's. */
const KEYABLE = /^[\x21-\x7e]{1,1364}$/;

/** How often a hint may change under a claimant's eyes. */
const ATTEMPTS = 16;

export const usernameHint = recordKind<Hint>("username");
export const emailHint = recordKind<Hint>("email");
export const credentialHint = recordKind<Hint>("credential");
export const handleHint = recordKind<Hint>("handle");

export function usernameClaim(name: string): Claim {
  const namedBy = (account: Account) => account.username === name;
  return { record: usernameHint, name, refusal: "username_taken", namedBy };
}

export function emailClaim(canonical: string): Claim {
  const namedBy = (account: Account) => namesEmail(account, canonical);
  return { record: emailHint, name: canonical, refusal: "email_taken", namedBy };
}

export function credentialClaim(credentialId: string): Claim {
  const namedBy = (account: Account) => account.passkeys.some((held) => held.id === credentialId);
  return { record: credentialHint, name: credentialId, refusal: "credential_registered", namedBy };
}

export function handleClaim(handle: string): Claim {
  const namedBy = (account: Account) => account.handle === handle;
  return { record: handleHint, name: handle, refusal: "account_exists", namedBy };
}

/** The claims of a document besides its username: its passkeys, its verified e-mail address, a foreign handle. */
export function claimsOf(account: Account): Claim[] {
  const email = verifiedEmail(account);
  return [
    ...account.passkeys.map((passkey) => credentialClaim(passkey.id)),
    ...(email === undefined ? [] : [emailClaim(email)]),
    ...(account.handle === account.id ? [] : [handleClaim(account.handle)]),
  ];
}

/**
 * Makes the hint name the account, which must name the claim in its document already. False when another account,
 * a pending one included, holds the name. A kept hint never expires.
 *
 * @throws `store_conflict` when the hint never stood still.
 */
export async function claim(store: Store, wanted: Claim, accountId: string): Promise<boolean> {
  const { record, name } = wanted;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const hint = await record.read(store, name);
    if (hint && hint.value.account !== accountId) {
      const holder = await accountRecord.read(store, hint.value.account);
      if (holder && wanted.namedBy(holder.value)) return false;
    }
    // Durable, because an account that outlives its hints would leave its names to others.
    const options = { expect: hint?.version ?? ("absent" as const), version: newVersion(), durable: true };
    if (await store.commit(record.key(name), record.encode({ account: accountId }), options)) return true;
  }
  throw refuse("store_conflict");
}

/** Removes a hint unless it changed since `seen`, which must have been read before the document let go of the name. */
export async function release(store: Store, held: Claim, seen: Version): Promise<boolean> {
  const { record, name } = held;
  const options = { expect: seen, version: newVersion(), ttl: AT_ONCE };
  return store.commit(record.key(name), record.encode({ account: "" }), options);
}

/** What leads to an account by its document, as it stands now: to be released when the document is gone. */
export async function hintsTo(store: Store, account: Account): Promise<{ held: Claim; seen: Version }[]> {
  const former = (account.formerEmails ?? []).map(({ address }) => parseEmail(address)?.canonical);
  const emails = former.flatMap((canonical) => (canonical === undefined ? [] : [emailClaim(canonical)]));
  const claims = [usernameClaim(account.username), ...claimsOf(account), ...emails];
  const found = await Promise.all(claims.map(({ record, name }) => record.read(store, name)));
  return claims.flatMap((held, i) => {
    const hint = found[i];
    return hint?.value.account === account.id ? [{ held, seen: hint.version }] : [];
  });
}

/** Removes a document, unless it changed since; its names are free at once. Durably where somebody is told so. */
export async function abandon(
  store: Store,
  account: Account,
  version: Version,
  { durable = false }: { durable?: boolean } = {},
): Promise<boolean> {
  const options = { expect: version, version: newVersion(), ttl: AT_ONCE, durable };
  // Nor is it the document of an open password any more: its verifier is dead from here on.
  const { emailChange: _, formerEmails: __, password: ___, ...rest } = account;
  const gone = { state: "pending", username: "", handle: "", emailVerified: false, passkeys: [] } as const;
  const nameless: Account = { ...rest, ...gone, passkeys: [] };
  return store.commit(accountRecord.key(account.id), accountRecord.encode(nameless), options);
}

/** The directory over a store. */
export function directory(store: Store): Directory {
  const load = async (id: string) => (KEYABLE.test(id) ? accountRecord.read(store, id) : undefined);
  const follow = async (wanted: Claim): Promise<Stored<Account> | undefined> => {
    const hint = await wanted.record.read(store, wanted.name);
    const found = hint && (await load(hint.value.account));
    return found && wanted.namedBy(found.value) ? found : undefined;
  };
  return {
    find: async (id) => known(await load(id)),
    async findByHandle(handle) {
      if (!KEYABLE.test(handle)) return undefined;
      const native = await load(handle);
      if (native?.value.handle === handle) return known(native);
      return known(await follow(handleClaim(handle)));
    },
    async findByLogin(text) {
      const wanted = loginClaim(text);
      const found = wanted && known(await follow(wanted));
      // An address that is only on its way, or was left behind, signs nobody in.
      return found && wanted.opens(found.value) ? found : undefined;
    },
    findByCredential: async (id) => (KEYABLE.test(id) ? follow(credentialClaim(id)) : undefined),
  };
}

function loginClaim(text: string): (Claim & { opens(account: Account): boolean }) | undefined {
  const email = parseEmail(text)?.canonical;
  if (email !== undefined) {
    return { ...emailClaim(email), opens: (account) => verifiedEmail(account) === email };
  }
  const name = parseUsername(text.trim());
  return name === undefined ? undefined : { ...usernameClaim(name), opens: () => true };
}

function known(found: Stored<Account> | undefined): Stored<Account> | undefined {
  return found?.value.state === "pending" ? undefined : found;
}

function verifiedEmail(account: Account): string | undefined {
  if (!account.emailVerified || account.email === undefined) return undefined;
  return parseEmail(account.email)?.canonical;
}
