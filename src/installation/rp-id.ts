/**
 * A change of domain. A passkey is bound to the RP ID that it was made for, for ever; under another one it opens nothing,
 * and its owner is locked out. So the store remembers which RP ID counted when, and from the day on which a passkey was
 * made it is known for which one.
 */
import type { Account, Passkey } from "../account/account.ts";
import type { Clock } from "../clock.ts";
import type { Settings } from "../config/load.ts";
import type { Logger } from "../log.ts";
import { change } from "../store/change.ts";
import type { Store } from "../store/store.ts";
import { META, type Meta, metaRecord, type RpIdSince } from "./meta.ts";

/** What an RP ID strands. */
export interface Stranded {
  passkeys: number;
  /** Accounts that have such a passkey. */
  accounts: number;
  /** Of these, those that have no other one. */
  lockedOut: number;
  /** The RP IDs that these passkeys were made for. */
  madeFor: string[];
}

/** The RP ID that counted when a passkey was made. */
function rpIdOf(rpIds: readonly RpIdSince[], { created }: Pick<Passkey, "created">): string | undefined {
  return (rpIds.findLast(({ since }) => since <= created) ?? rpIds[0])?.rpId;
}

/** Counts the passkeys that do not work with this RP ID. Walks over all accounts, unless there never was another one. */
export async function strandedBy(
  rpId: string,
  rpIds: readonly RpIdSince[],
  accounts: () => AsyncIterable<Account>,
): Promise<Stranded> {
  const stranded = { passkeys: 0, accounts: 0, lockedOut: 0 };
  const madeFor = new Set<string>();
  if (rpIds.every((known) => known.rpId === rpId)) return { ...stranded, madeFor: [] };
  for await (const { passkeys } of accounts()) {
    const kept = passkeys.filter(({ state }) => state !== "pending");
    const others = kept.map((held) => rpIdOf(rpIds, held)).filter((of) => of !== undefined && of !== rpId);
    if (others.length === 0) continue;
    for (const other of others) madeFor.add(other as string);
    stranded.passkeys += others.length;
    stranded.accounts++;
    if (others.length === kept.length) stranded.lockedOut++;
  }
  return { ...stranded, madeFor: [...madeFor] };
}

/** `12 passkeys of 9 accounts were made for …`, in words that an operator reads. */
export function describeStranded({ passkeys, accounts, lockedOut, madeFor }: Stranded, rpId: string): string {
  const made = `${count(passkeys, "passkey")} of ${count(accounts, "account")} made for ${madeFor.join(", ")}`;
  return `${made} would not work with the RP ID ${rpId}; ${count(lockedOut, "account")} would have no other passkey`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** What to do about it. */
export function remedyFor({ madeFor }: Stranded): string {
  const old = madeFor[0] ?? "";
  return (
    `Set LATCHKEY_RP_ID (rpId) back to ${old}. The issuer has to stay at ${old} or below it; sites elsewhere use the ` +
    "same passkeys as related origins: LATCHKEY_ORIGINS (origins)."
  );
}

interface Keeping {
  store: Store;
  clock: Clock;
  log: Logger;
  settings: Settings;
  accounts: { list(): AsyncIterable<Account> };
}

/**
 * What a server does when it starts, before it makes any passkey: remembers the RP ID for which it makes them, and warns,
 * in the background, where others were made before for another one.
 */
export async function keepRpId(of: Keeping): Promise<{ stop(): Promise<void> }> {
  const rpIds = await remember(of);
  let stopped = false;
  async function* list() {
    for await (const account of of.accounts.list()) {
      if (stopped) return;
      yield account;
    }
  }
  const looking = warn(of, rpIds, list).catch((err: unknown) =>
    of.log.warn({ err }, "passkeys of another RP ID could not be counted: run `latchkey doctor`"),
  );
  return {
    stop() {
      stopped = true;
      return looking;
    },
  };
}

async function warn(
  { log, settings: { rpId } }: Keeping,
  rpIds: readonly RpIdSince[],
  list: () => AsyncIterable<Account>,
): Promise<void> {
  const stranded = await strandedBy(rpId, rpIds, list);
  if (stranded.passkeys === 0) return;
  log.warn({ ...stranded, rpId }, `${describeStranded(stranded, rpId)}. ${remedyFor(stranded)}`);
}

function remember({ store, clock, settings: { rpId } }: Keeping): Promise<RpIdSince[]> {
  const decide = (meta: Meta | undefined): { value: Meta | undefined; result: RpIdSince[] } => {
    if (!meta) return { value: undefined, result: [] };
    const { rpIds = [] } = meta;
    if (rpIds.at(-1)?.rpId === rpId) return { value: undefined, result: rpIds };
    // A store that remembers nothing has had this one since it was made, as far as anybody knows.
    const since = rpIds.length === 0 ? meta.created : clock.now();
    const grown = [...rpIds, { rpId, since }];
    return { value: { ...meta, rpIds: grown }, result: grown };
  };
  return change(store, metaRecord, META, decide, { durable: true });
}
