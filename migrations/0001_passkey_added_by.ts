/**
 * Every passkey says on which occasion it was made (`addedBy`). Until then nobody wrote it down, and there were three
 * occasions: the setup link, which alone made administrators, and a sign-up, both of which make the passkey before the
 * account; and the owner's page, which makes it afterwards.
 */
import type { Migration } from "./migration.ts";

interface Passkey {
  addedBy?: string;
  created: number;
}

interface Account {
  created: number;
  groups: string[];
  passkeys: Passkey[];
}

export const passkeyAddedBy: Migration = {
  id: "0001_passkey_added_by",
  kind: "account",
  schema: 2,
  reader: 1,
  up(record) {
    const account = record as unknown as Account;
    const passkeys = account.passkeys.map((passkey) =>
      passkey.addedBy === undefined ? { ...passkey, addedBy: occasion(account, passkey) } : passkey,
    );
    return { ...record, passkeys };
  },
  leaves: ({ state }) => state === "pending",
};

function occasion({ created, groups }: Account, passkey: Passkey): string {
  if (passkey.created > created) return "account";
  return groups.includes("administrators") ? "setup" : "sign_up";
}
