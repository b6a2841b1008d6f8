/** The use cases of accounts: what the rest of the house may do with them. */
import { isRefusal, refuse } from "../errors.ts";
import { newVersion } from "../store/record.ts";
import type { Millis, Stored } from "../store/store.ts";
import { type Account, accountRecord, type Passkey } from "./account.ts";
import { type CreateOptions, createAccount, type NewAccountInput } from "./create.ts";
import { claim, credentialClaim, type Directory, directory, release } from "./directory.ts";
import { type EmailChanges, emailChanges } from "./email-change.ts";
import { joinGroup, leaveGroup } from "./groups.ts";
import { type Leaving, leaving } from "./leave.ts";
import { entries, sweepAccounts } from "./leftovers.ts";
import { issuePass, revokePasses, usePass } from "./passes.ts";
import { closePassword, declinePasskey, dropPassword, removePassword } from "./password-way.ts";
import { setRecoveryCodes, useRecoveryCode } from "./recovery-codes.ts";
import type { RemovalRuleOf } from "./removal-guard.ts";
import { cancelRepair, completeRepair, type RepairInput, startRepair } from "./repair.ts";
import { type AccountsOptions, moment, publish, revise, type Transition } from "./revise.ts";
import { disableAccount, enableAccount } from "./standing.ts";
import * as become from "./transitions.ts";
import { codeFingerprint, newCode } from "./typed-code.ts";
import { undoConversion } from "./undo-conversion.ts";

/** Everything that can be done with accounts. Refusals are named by their codes. */
export interface Accounts extends Directory, EmailChanges, Leaving {
  /**
   * An active account, or nothing: what a refused or interrupted creation leaves behind expires.
   *
   * @throws `username_invalid`, `email_invalid`, `name_invalid`, `username_taken` for a chosen username,
   * `credential_registered`, `email_taken` for a verified address, `account_exists` for a handle in use,
   * `ceremony_expired` when it took longer than ten minutes, and the refusal of any further claim.
   */
  create(input: NewAccountInput, options?: CreateOptions): Promise<Account>;
  /**
   * @param undo the fingerprint of the link that undoes it, for a passkey that a password makes
   * @throws `account_unknown`, `account_limited`, `credential_registered`, `passkey_limit`, `name_invalid`
   */
  addPasskey(id: string, passkey: Passkey, undo?: string): Promise<Account>;
  /** The first half of {@link addPasskey}: nothing signs in with it before `completeRepair`. @throws the same */
  holdPasskey(id: string, passkey: Passkey): Promise<Account>;
  /** @throws `account_unknown`, `passkey_unknown`, `name_invalid` */
  renamePasskey(id: string, passkeyId: string, name: string): Promise<Account>;
  /** @throws `account_unknown`, `passkey_unknown`, `last_way_in` */
  removePasskey(id: string, passkeyId: string): Promise<Account>;
  /**
   * Closes the password in favour of an active passkey; the verifier is erased afterwards, by `LegacyPasswords.forget`.
   *
   * @param by the passkey, and the fingerprint of the link that undoes it
   * @throws `account_unknown`, `account_limited`, `last_way_in`
   */
  closePassword(id: string, by: { passkey: string; undo?: string }): Promise<Account>;
  /**
   * "It wasn't me": suspends what was made since a password made a passkey, and ends what is open. The verifier is to
   * be erased afterwards, too.
   *
   * @param link the link's fingerprint
   * @throws `account_unknown`, `undo_link_invalid`
   */
  undoConversion(id: string, link: string): Promise<Account>;
  /** Counts a "Not now". @throws `account_unknown` */
  declinePasskey(id: string): Promise<Account>;
  /**
   * Closes the password at its owner's wish; then the verifier is to be erased, too.
   *
   * @param ruleOf what is enough for an account with these groups
   * @throws `account_unknown`, `account_limited`, `account_recovering`, `ways_missing`
   */
  removePassword(id: string, ruleOf: RemovalRuleOf): Promise<Account>;
  /** Closes the password at the operator's word, whatever is left. @throws `account_unknown` */
  dropPassword(id: string): Promise<Account>;
  /** @throws `account_unknown`, `group_invalid` */
  joinGroup(id: string, group: string): Promise<Account>;
  /** @throws `account_unknown` */
  leaveGroup(id: string, group: string): Promise<Account>;
  /** Remembers a sign-in, if there is anything to remember. Never refuses: the sign-in is decided already. */
  recordUse(stored: Stored<Account>, passkeyId: string, use: become.PasskeyUse): Promise<void>;
  /**
   * A temporary access pass, shown once: only its fingerprint is kept. An earlier one stops working.
   *
   * @param pass how long it works, and who issued it: an administrator's account id, or `cli`
   * @throws `account_unknown`, `account_limited`
   */
  issuePass(id: string, pass: { ttl: Millis; by: string }): Promise<{ pass: string; expires: number }>;
  /** Uses a pass up; exactly one of many callers succeeds. @throws `account_unknown`, `authentication_failed` */
  usePass(id: string, typed: string): Promise<Account>;
  /** @throws `account_unknown` */
  revokePasses(id: string): Promise<Account>;
  /** Replaces the recovery codes; only fingerprints are kept. @throws `account_unknown`, `account_limited` */
  setRecoveryCodes(id: string, codes: readonly string[]): Promise<Account>;
  /** Uses a recovery code up; exactly one of many callers succeeds. @throws `account_unknown`, `authentication_failed` */
  useRecoveryCode(id: string, typed: string): Promise<Account>;
  /** @throws `account_unknown`, `account_limited`, `passkey_unknown`, `ceremony_expired` */
  completeRepair(id: string, input: RepairInput): Promise<Account>;
  /** Lets a recovery take effect whose delay is over. @throws `account_unknown` */
  startRepair(id: string): Promise<Account>;
  /** Undoes a recovery at the word of who held a passkey before it. @throws `account_unknown`, `passkey_unknown` */
  cancelRepair(id: string, objector: string): Promise<Account>;
  /** Closes an account until it is enabled again. @throws `account_unknown` */
  disable(id: string): Promise<Account>;
  /** @throws `account_unknown` */
  enable(id: string): Promise<Account>;
  /** Every account there is, in no order; for operators, never for a request. */
  list(): AsyncIterable<Account>;
  /** Removes what requests that died left behind; returns how many records changed. */
  sweep(): Promise<number>;
}

/**
 * The accounts of a store.
 *
 * @example
 * ```ts
 * const people = accounts({ store, clock: systemClock });
 * const jane = await people.create({ email: "jane@example.com", passkey });
 * (await people.findByLogin("JANE"))?.value.id === jane.id; // true
 * ```
 */
export function accounts(options: AccountsOptions): Accounts {
  const { store, clock } = options;
  const durably = (id: string, transition: Transition) => revise(options, id, transition, { durable: true });
  return {
    ...directory(store),
    create: (input, how = {}) => createAccount(options, input, how),
    addPasskey: (id, passkey, undo) => addPasskey(options, id, passkey, undo),
    holdPasskey: (id, passkey) => claimPasskey(options, id, passkey, () => undefined),
    renamePasskey: (id, passkeyId, name) =>
      revise(options, id, (account, now) => become.renamePasskey(account, passkeyId, name, now)),
    removePasskey: (id, passkeyId) => removePasskey(options, id, passkeyId),
    closePassword: (id, by) => durably(id, (account, now) => closePassword(account, by, now)),
    undoConversion: (id, link) => durably(id, (account, now) => undoConversion(account, link, now)),
    declinePasskey: (id) => revise(options, id, declinePasskey),
    removePassword: (id, ruleOf) => durably(id, (account, now) => removePassword(account, ruleOf, now)),
    dropPassword: (id) => durably(id, dropPassword),
    joinGroup: (id, group) => durably(id, (account, now) => joinGroup(account, group, now)),
    leaveGroup: (id, group) => durably(id, (account, now) => leaveGroup(account, group, now)),
    recordUse: (stored, passkeyId, use) => recordUse(options, stored, passkeyId, use),
    issuePass: (id, pass) => issue(options, id, pass),
    usePass: (id, typed) => durably(id, (account, now) => usePass(account, codeFingerprint(typed), now)),
    revokePasses: (id) => durably(id, revokePasses),
    setRecoveryCodes: (id, codes) =>
      durably(id, (account, now) =>
        setRecoveryCodes(
          account,
          codes.map((code) => codeFingerprint(code) ?? ""),
          now,
        ),
      ),
    useRecoveryCode: (id, typed) =>
      durably(id, (account, now) => useRecoveryCode(account, codeFingerprint(typed), now)),
    completeRepair: (id, input) => durably(id, (account, now) => completeRepair(account, input, now)),
    startRepair: (id) => durably(id, startRepair),
    cancelRepair: (id, objector) => durably(id, (account, now) => cancelRepair(account, objector, now)),
    ...emailChanges(options),
    ...leaving(options),
    disable: (id) => durably(id, disableAccount),
    enable: (id) => durably(id, enableAccount),
    list: () => list(options),
    sweep: () => sweepAccounts(store, clock),
  };
}

function addPasskey(options: AccountsOptions, id: string, passkey: Passkey, undo?: string): Promise<Account> {
  const activate: Transition = (account, now) => become.activatePasskey(account, passkey.id, now, undo);
  return claimPasskey(options, id, passkey, activate);
}

/** The passkey stands in the document, pending, before its id is claimed; `then` says what becomes of it. */
async function claimPasskey(
  options: AccountsOptions,
  id: string,
  passkey: Passkey,
  then: Transition,
): Promise<Account> {
  await revise(options, id, (account, now) => become.addPasskey(account, passkey, now));
  try {
    const claimed = await claim(options.store, credentialClaim(passkey.id), id);
    if (!claimed) throw refuse("credential_registered");
    return await revise(options, id, then, { durable: true });
  } catch (error) {
    await withdraw(options, id, passkey.id);
    throw error;
  }
}

/** Takes a pending passkey back after a refusal; where that fails too, it is forgotten an hour later. */
async function withdraw(options: AccountsOptions, id: string, passkeyId: string): Promise<void> {
  try {
    await revise(options, id, (account) => become.withdrawPasskey(account, passkeyId));
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
}

async function removePasskey(options: AccountsOptions, id: string, passkeyId: string): Promise<Account> {
  const held = credentialClaim(passkeyId);
  // Read before the document lets go: whoever claims the id afterwards writes a newer version, which stays.
  const hint = await held.record.read(options.store, passkeyId);
  const remove = (account: Account, now: become.Moment) => become.removePasskey(account, passkeyId, now);
  const account = await revise(options, id, remove, { durable: true });
  try {
    if (hint?.value.account === id) await release(options.store, held, hint.version);
  } catch (error) {
    // A hint that nobody names back is dead already; the sweeper takes it away.
    if (!isRefusal(error)) throw error;
  }
  return account;
}

async function issue(options: AccountsOptions, id: string, { ttl, by }: { ttl: Millis; by: string }) {
  const pass = newCode();
  const expires = options.clock.now() + ttl;
  const fingerprint = codeFingerprint(pass) ?? "";
  await revise(options, id, (account, now) => issuePass(account, { fingerprint, expires, by }, now), {
    durable: true,
  });
  return { pass, expires };
}

async function recordUse(
  options: AccountsOptions,
  stored: Stored<Account>,
  passkeyId: string,
  use: become.PasskeyUse,
): Promise<void> {
  const { store } = options;
  const now = moment(options);
  try {
    const used = become.recordUse(stored.value, passkeyId, use, now);
    if (used === undefined) return;
    const how = { expect: stored.version, version: newVersion() };
    if (await store.commit(accountRecord.key(used.id), accountRecord.encode(used), how)) {
      return await publish(options, used, now);
    }
    await revise(options, used.id, (account, later) => become.recordUse(account, passkeyId, use, later));
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
}

async function* list({ store }: AccountsOptions): AsyncGenerator<Account> {
  const seen = new Set<string>();
  for await (const entry of entries(store, accountRecord.kind)) {
    const account = accountRecord.decode(entry.value as object);
    if (account.state === "pending" || seen.has(account.id)) continue;
    seen.add(account.id);
    yield account;
  }
}
