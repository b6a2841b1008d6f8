/** What must hold of accounts in every state of the model. */

import type { Account } from "../../src/account/account.ts";
import { accountRecord } from "../../src/account/account.ts";
import { accounts } from "../../src/account/accounts.ts";
import { claimsOf, usernameClaim } from "../../src/account/directory.ts";
import { isRefusal } from "../../src/errors.ts";
import type { Store } from "../../src/store/store.ts";
import { type Cells, modelStore } from "./model-store.ts";
import type { State } from "./run.ts";
import { handle, NOON, passkey } from "./samples.ts";

export const clock = { now: () => NOON };

export const people = (store: Store) => accounts({ store, clock });

/** Every document that is active now. */
export function activeAccounts(cells: Cells): Account[] {
  return [...cells]
    .filter(([key]) => key.startsWith("account:"))
    .map(([, cell]) => accountRecord.decode(JSON.parse(cell.json)))
    .filter((account) => account.state === "active");
}

/** No name, address, credential or handle belongs to two active accounts. */
export function namesAreUnique({ cells, path }: State): void {
  const owners = new Map<string, string>();
  for (const account of activeAccounts(cells)) {
    const usable = { ...account, passkeys: account.passkeys.filter(({ state }) => state === "active") };
    for (const { record, name } of [usernameClaim(account.username), ...claimsOf(usable)]) {
      const key = record.key(name);
      const other = owners.get(key);
      if (other !== undefined) throw new Error(`two active accounts with ${key}: ${path.join(", ")}`);
      owners.set(key, account.id);
    }
  }
}

/** Whoever was told that an account was created finds it, by every name it has. */
export async function finishedIsFound({ cells, outcomes, path }: State): Promise<void> {
  const directory = people(modelStore(cells));
  for (const outcome of outcomes.values()) {
    const created = "value" in outcome ? (outcome.value as Account | undefined) : undefined;
    if (created?.username === undefined) continue;
    const [byName, byCredential] = [
      await directory.findByLogin(created.username),
      await directory.findByCredential(created.passkeys[0]!.id),
    ];
    if (byName?.value.id !== created.id || byCredential?.value.id !== created.id) {
      throw new Error(`a finished account is not found: ${path.join(", ")}`);
    }
  }
}

/**
 * If everybody under way died here and time passed, each name would be free again unless an active account has it.
 */
export async function nothingIsBlocked(
  state: State,
  names: { usernames?: string[]; credentials?: string[] },
) {
  const { usernames = [], credentials = [] } = names;
  const active = activeAccounts(state.cells);
  for (const username of usernames) {
    const held = active.some((account) => account.username === username);
    await mayBeHad(state, { username, credential: "fresh" }, held);
  }
  for (const credential of credentials) {
    const held = active.some((account) =>
      account.passkeys.some(({ id, state: s }) => id === credential && s === "active"),
    );
    const pending = active.some((account) =>
      account.passkeys.some(({ id, state: s }) => id === credential && s !== "active"),
    );
    if (!pending) await mayBeHad(state, { username: "fresh", credential }, held);
  }
}

async function mayBeHad(
  { cells, path }: State,
  wanted: { username: string; credential: string },
  held: boolean,
) {
  const later: Cells = new Map([...cells].filter(([, cell]) => !cell.expiring));
  const input = { handle: handle("later"), username: wanted.username, passkey: passkey(wanted.credential) };
  const had = await people(modelStore(later))
    .create(input)
    .then(
      () => true,
      (error) => {
        if (isRefusal(error)) return false;
        throw error;
      },
    );
  if (had === held) {
    const fault = held ? "was given away twice" : "is blocked for ever";
    throw new Error(`${wanted.username}/${wanted.credential} ${fault}: ${path.join(", ")}`);
  }
}
