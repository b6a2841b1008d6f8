/** Accounts and passkeys to begin a test with. */
import type { Account, Passkey } from "../../src/account/account.ts";
import { activateAccount, newAccount } from "../../src/account/transitions.ts";

export const NOON = Date.UTC(2026, 10, 22, 12);

export function passkey(id: string, more: Partial<Passkey> = {}): Passkey {
  return {
    id,
    publicKey: "cHVibGlj",
    algorithm: -7,
    counter: 0,
    transports: ["internal"],
    aaguid: "00000000-0000-0000-0000-000000000000",
    backupEligible: true,
    backedUp: true,
    attestation: "none",
    state: "pending",
    name: "Phone",
    created: NOON,
    ...more,
  };
}

/** A user handle that tells in a failure whose it is. */
export function handle(letter: string): string {
  return letter.padEnd(43, "-");
}

/** An active account with these passkeys, of the states they have; none: one active passkey. */
export function account(more: Partial<Account> = {}): Account {
  const id = handle("jane");
  const pending = newAccount({ id, handle: id, username: "jane", passkey: passkey("first") }, { at: NOON });
  return {
    ...activateAccount(pending, "account.created", { at: NOON, event: "created" }),
    outbox: [],
    ...more,
  };
}
