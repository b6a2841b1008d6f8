/** Accounts as an older version left them. */
import { accountRecord } from "../../src/account/account.ts";
import { LEDGER, ledgerRecord } from "../../src/migrate/ledger.ts";
import type { Store } from "../../src/store/store.ts";

/** The key of the account with a number. */
export const keyOf = (i: number) => accountRecord.key(`old-${i}`);

/** Writes so many accounts of the first schema, each with a passkey that does not say how it came. */
export async function writeOld(store: Store, count: number): Promise<void> {
  for (let from = 0; from < count; from += 500) {
    const some = Array.from({ length: Math.min(500, count - from) }, (_, i) => from + i);
    await Promise.all(some.map((i) => store.write(keyOf(i), oldAccount(i))));
  }
}

export function oldAccount(i: number): Record<string, unknown> {
  const id = `old-${i}`;
  const passkey = { id: `key-${i}`, name: "Phone", state: "active", created: 1000, counter: i };
  const known = { id, handle: id, username: id, emailVerified: false, groups: [], passkeys: [passkey] };
  return { schema: 1, state: "active", ...known, created: 1000, outbox: [] };
}

/** As if no migration had ever run here. */
export async function forgetLedger(store: Store): Promise<void> {
  await store.remove(ledgerRecord.key(LEDGER));
}

/** Numbers of the accounts that are not of the newest schema, or are not what they have to be. */
export async function notMigrated(store: Store, count: number): Promise<number[]> {
  const wrong: number[] = [];
  for (let from = 0; from < count; from += 500) {
    const some = Array.from({ length: Math.min(500, count - from) }, (_, i) => from + i);
    const found = await Promise.all(some.map((i) => store.read<Record<string, unknown>>(keyOf(i))));
    for (const [i, stored] of found.entries()) {
      const [passkey] = (stored?.value.passkeys ?? []) as { addedBy?: string; counter?: number }[];
      const right =
        stored?.value.schema === accountRecord.schema &&
        passkey?.addedBy === "sign_up" &&
        passkey.counter === from + i;
      if (!right) wrong.push(from + i);
    }
  }
  return wrong;
}
