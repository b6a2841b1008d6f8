/** Changing the e-mail address, one key at a time: the document names it, the claim decides, the document settles. */
import { randomInt } from "node:crypto";
import { refuse } from "../errors.ts";
import { randomText } from "../random.ts";
import { fingerprint } from "../store/record.ts";
import type { Account } from "./account.ts";
import { claim, emailClaim } from "./directory.ts";
import { claimEmail, proposeEmail, restoreEmail, settleEmail, withdrawEmail } from "./email.ts";
import { checkEmail } from "./names.ts";
import { type AccountsOptions, revise } from "./revise.ts";

/** Digits of the code: five guesses in a quarter of an hour find one in five million. */
const DIGITS = 8;

export interface EmailChanges {
  /**
   * An address that the account is to have, once its holder proves it with the token or the code.
   *
   * @throws `account_unknown`, `account_limited`, `account_watched`, `email_invalid`, `too_many_requests`
   */
  proposeEmail(id: string, address: string): Promise<{ token: string; code: string }>;
  /**
   * Proves the proposed address and takes it. `undo` takes it back for a week, where there was a verified one before.
   *
   * @throws `email_proof_invalid`, `email_taken`
   */
  proveEmail(id: string, proof: { token: string } | { code: string }): Promise<EmailChanged>;
  /** @throws `email_proof_invalid` */
  restoreEmail(id: string, undo: string): Promise<Account>;
}

export interface EmailChanged {
  account: Account;
  /** The verified address it had. */
  before?: string;
  undo: string;
}

export function emailChanges(options: AccountsOptions): EmailChanges {
  return {
    async proposeEmail(id, address) {
      const token = randomText(32);
      const code = String(randomInt(10 ** DIGITS)).padStart(DIGITS, "0");
      const change = { address, token: fingerprint(token), code: codeOf(id, code) };
      await revise(options, id, (account, now) => proposeEmail(account, change, now));
      return { token, code };
    },
    proveEmail: (id, proof) => proveEmail(options, id, proof),
    restoreEmail: (id, undo) =>
      revise(options, id, (account, now) => restoreEmail(account, fingerprint(undo), now), { durable: true }),
  };
}

async function proveEmail(
  options: AccountsOptions,
  id: string,
  proof: { token: string } | { code: string },
): Promise<EmailChanged> {
  const hashed =
    "token" in proof
      ? { token: fingerprint(proof.token) }
      : { code: codeOf(id, proof.code.replace(/\D/g, "")) };
  let before: string | undefined;
  const claiming = await revise(options, id, (account, now) => {
    before = account.emailVerified ? account.email : undefined;
    return claimEmail(account, hashed, now);
  });
  const wanted = checkEmail(claiming.emailChange?.address ?? "").canonical;
  if (!(await claim(options.store, emailClaim(wanted), id))) {
    await revise(options, id, withdrawEmail);
    throw refuse("email_taken");
  }
  const undo = randomText(32);
  const settle = (account: Account, now: Parameters<typeof settleEmail>[2]) =>
    settleEmail(account, fingerprint(undo), now);
  const account = await revise(options, id, settle, { durable: true });
  return { account, undo, ...(before === undefined ? {} : { before }) };
}

/** Short, so each account's has a hash of its own. */
function codeOf(id: string, code: string): string {
  return fingerprint(`email:${id}:${code}`);
}
