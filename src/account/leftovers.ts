/** What requests that died left behind: hints to nowhere, pending passkeys, events that never reached the log. */
import type { Clock } from "../clock.ts";
import { newVersion, type RecordKind } from "../store/record.ts";
import type { Entry, Store } from "../store/store.ts";
import { accountRecord } from "./account.ts";
import {
  type Claim,
  credentialClaim,
  credentialHint,
  emailClaim,
  emailHint,
  type Hint,
  handleClaim,
  handleHint,
  release,
  usernameClaim,
  usernameHint,
} from "./directory.ts";
import { withoutOldEmails } from "./email.ts";
import { readPasswordState, VERIFIER } from "./password-state.ts";
import { dropPassword } from "./password-way.ts";
import { endRepair, startRepair } from "./repair.ts";
import { log, moment } from "./revise.ts";
import { withoutDead } from "./transitions.ts";

const indexes: readonly [RecordKind<Hint>, (name: string) => Claim][] = [
  [usernameHint, usernameClaim],
  [emailHint, emailClaim],
  [credentialHint, credentialClaim],
  [handleHint, handleClaim],
];

/** The indexes of accounts. */
export const HINTS: readonly RecordKind<Hint>[] = indexes.map(([record]) => record);

/** What an entry of an index claims, by its key. */
export function claimOfHint(key: string): Claim {
  const colon = key.indexOf(":");
  const [, claimOf] = indexes.find(([{ kind }]) => kind === key.slice(0, colon)) ?? [];
  if (!claimOf) throw new TypeError("not an entry of an index");
  return claimOf(key.slice(colon + 1));
}

/**
 * Tidies every account and every index, and returns how many records it changed. Nothing depends on it, and it
 * never disturbs: whatever a request touches at the same moment stays as the request left it.
 */
export async function sweepAccounts(store: Store, clock: Clock): Promise<number> {
  let changed = 0;
  const sealed = (await readPasswordState(store)).seal === "sealed";
  for await (const entry of entries(store, accountRecord.kind)) {
    if (await tidy(store, clock, entry, sealed)) changed++;
  }
  for (const [record, claimOf] of indexes) {
    for await (const entry of entries(store, record.kind)) {
      if (await drop(store, record, claimOf(entry.key.slice(record.kind.length + 1)), entry)) changed++;
    }
  }
  return changed + (await sweepVerifiers(store));
}

/**
 * Removes verifiers that are dead: their account does not say that a password is open, or the store is sealed, after
 * which only an instance that was asleep can have written one, and nobody can read it.
 */
export async function sweepVerifiers(store: Store): Promise<number> {
  const { seal } = await readPasswordState(store);
  let removed = 0;
  for await (const { key, version } of entries(store, VERIFIER)) {
    const holder = await accountRecord.read(store, key.slice(VERIFIER.length + 1));
    if (seal !== "sealed" && holder?.value.password?.state === "open") continue;
    // A newer one may be there by now: then it is not this one that is dead.
    if (await store.commit(key, {}, { expect: version, version: newVersion(), ttl: 1 })) removed++;
  }
  return removed;
}

/** Every entry of a kind, one by one; some may come twice. */
export async function* entries(store: Store, kind: string): AsyncGenerator<Entry> {
  for await (const batch of store.scan(kind)) yield* batch.entries;
}

async function tidy(store: Store, clock: Clock, entry: Entry, sealed: boolean): Promise<boolean> {
  const account = accountRecord.decode(entry.value as object);
  // A pending document must keep its expiry, which a write would take away.
  if (account.state === "pending") return false;
  const now = moment({ clock });
  const alive = { ...withoutDead(account, now), outbox: [] };
  const ended =
    (sealed ? dropPassword(alive, now) : undefined) ?? startRepair(alive, now) ?? endRepair(alive, now);
  const emails = withoutOldEmails(ended ?? alive, now);
  const same = account.outbox.length === 0 && alive.passkeys.length === account.passkeys.length;
  if (same && ended === undefined && emails === undefined) return false;
  for (const event of account.outbox) await log(store, event);
  const options = { expect: entry.version, version: newVersion(), durable: ended !== undefined };
  return store.commit(entry.key, accountRecord.encode(emails ?? ended ?? alive), options);
}

async function drop(store: Store, record: RecordKind<Hint>, held: Claim, entry: Entry): Promise<boolean> {
  const { account } = record.decode(entry.value as object);
  const holder = await accountRecord.read(store, account);
  if (holder && held.namedBy(holder.value)) return false;
  return release(store, held, entry.version);
}
