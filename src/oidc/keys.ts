/**
 * Signing keys: made on the first run, kept wrapped under the root secret, the same for every instance.
 *
 * ES256 comes first because it signs sixteen times faster; RS256 is there because many relying parties know nothing
 * else (OpenID Connect Core, section 15.1, requires it).
 */
import type { JWK } from "jose";
import type { Clock } from "../clock.ts";
import { refuse } from "../errors.ts";
import { change } from "../store/change.ts";
import { newVersion } from "../store/record.ts";
import type { Millis, Store } from "../store/store.ts";
import type { Vault } from "../vault.ts";
import { newKeyPair } from "./key-pair.ts";
import {
  ALGORITHMS,
  type KeySet,
  keySetRecord,
  outlived,
  type PlannedKey,
  plan,
  retire,
  rotate,
  SIGNING,
  type StoredKey,
} from "./key-set.ts";

/** A private signing key as the library takes it. */
export type SigningKey = JWK & { kid: string; alg: string; use: "sig" };

/** What keys are kept in, opened with, and timed by. */
export interface KeyChest {
  store: Store;
  vault: Vault;
  clock: Clock;
}

/**
 * The signing keys of this installation, those that sign now first; makes them when there are none. Of several
 * instances that start at once on a new store one makes the keys, the others use its.
 *
 * @throws `secret_mismatch` when the root secret is not the one they were wrapped under.
 */
export async function signingKeys(store: Store, vault: Vault, clock: Clock): Promise<SigningKey[]> {
  const found = await keySetRecord.read(store, SIGNING);
  if (found) {
    const opened = plan(found.value, clock.now()).map((key) => open(key, vault));
    await rewrap(store, vault);
    return opened;
  }
  const keys = await makeKeys(vault, clock.now());
  await store.commit(keySetRecord.key(SIGNING), keySetRecord.encode({ keys }), {
    expect: "absent",
    version: newVersion(),
    durable: true,
  });
  return signingKeys(store, vault, clock);
}

/** What signs now and what is published, without opening anything: names a state of the keys. */
export async function keyState({ store, clock }: Omit<KeyChest, "vault">): Promise<string | undefined> {
  const found = await keySetRecord.read(store, SIGNING);
  return (
    found &&
    plan(found.value, clock.now())
      .map(({ kid, state }) => `${state} ${kid}`)
      .join(", ")
  );
}

export async function listKeys({ store, clock }: Omit<KeyChest, "vault">): Promise<PlannedKey[]> {
  return plan((await keySetRecord.read(store, SIGNING))?.value ?? { keys: [] }, clock.now());
}

/**
 * Publishes new keys, one for each algorithm, that sign from then on. Where others wait already, nothing happens.
 *
 * @param lead how long they are published before they sign
 * @returns whether they were made, and all keys there are
 */
export async function rotateKeys(
  { store, vault, clock }: KeyChest,
  lead: Millis,
): Promise<{ made: boolean; keys: PlannedKey[] }> {
  // A new installation has none yet.
  await signingKeys(store, vault, clock);
  const now = clock.now();
  const keys = await makeKeys(vault, now, now + lead);
  const made = await alter(store, (set) => rotate(set, keys, now));
  return { made, keys: await listKeys({ store, clock }) };
}

/** Takes a key away that signs no more. @throws `key_unknown`, `key_in_use` */
export async function retireKey({ store, clock }: Omit<KeyChest, "vault">, kid: string): Promise<void> {
  await alter(store, (set) => retire(set, kid, clock.now()));
}

/** Takes every key away whose tokens nobody needs any more, and says which. */
export async function retireOutlived({ store, clock }: Omit<KeyChest, "vault">): Promise<string[]> {
  const set = (await keySetRecord.read(store, SIGNING))?.value ?? { keys: [] };
  const gone = outlived(set, clock.now()).map(({ kid }) => kid);
  for (const kid of gone) await retireKey({ store, clock }, kid);
  return gone;
}

/** True when it changed something. @throws `key_unknown` where there are no keys */
function alter(store: Store, decide: (set: KeySet) => KeySet | undefined): Promise<boolean> {
  const decision = (current: KeySet | undefined) => {
    if (!current) throw refuse("key_unknown");
    const value = decide(current);
    return { value, result: value !== undefined };
  };
  return change(store, keySetRecord, SIGNING, decision, { durable: true });
}

/** After a rotation of the root secret: under the newest one, so that the older ones can be dropped. */
async function rewrap(store: Store, vault: Vault): Promise<void> {
  const isCurrent = ({ kid, wrapped }: StoredKey) => vault.isCurrent(wrapped, context(kid));
  await alter(store, (current) => {
    if (current.keys.every(isCurrent)) return undefined;
    const keys = current.keys.map((key) => {
      const jwk = vault.open(key.wrapped, context(key.kid));
      return { ...key, wrapped: vault.wrap(jwk, context(key.kid)) };
    });
    return { keys };
  });
}

function context(kid: string): string {
  return `key:${kid}`;
}

function makeKeys(vault: Vault, created: number, from?: number): Promise<StoredKey[]> {
  return Promise.all(ALGORITHMS.map((alg) => makeKey(alg, vault, created, from)));
}

async function makeKey(
  alg: (typeof ALGORITHMS)[number],
  vault: Vault,
  created: number,
  from: number | undefined,
): Promise<StoredKey> {
  const { jwk, kid } = await newKeyPair(alg);
  const wrapped = vault.wrap(JSON.stringify(jwk), context(kid));
  return { kid, alg, wrapped, created, ...(from === undefined ? {} : { from }) };
}

function open({ kid, alg, wrapped }: StoredKey, vault: Vault): SigningKey {
  return { ...(JSON.parse(vault.open(wrapped, context(kid))) as JWK), kid, alg, use: "sig" };
}
