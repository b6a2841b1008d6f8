/**
 * Signing keys: made on the first run, kept wrapped under the root secret, the same for every instance.
 *
 * ES256 comes first because it signs sixteen times faster; RS256 is there because many relying parties know nothing
 * else (OpenID Connect Core, section 15.1, requires it).
 */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from "jose";
import type { Clock } from "../clock.ts";
import { change } from "../store/change.ts";
import { newVersion, recordKind } from "../store/record.ts";
import type { Store } from "../store/store.ts";
import type { Vault } from "../vault.ts";

interface StoredKey {
  kid: string;
  alg: string;
  /** The private JWK, wrapped. */
  wrapped: string;
  created: number;
}

interface KeySet {
  keys: StoredKey[];
}

const keySetRecord = recordKind<KeySet>("keys");
const ID = "signing";
const ALGORITHMS = ["ES256", "RS256"] as const;

/** A private signing key as the library takes it. */
export type SigningKey = JWK & { kid: string; alg: string; use: "sig" };

/**
 * The signing keys of this installation, preferred first; makes them when there are none. Of several instances that
 * start at once on a new store one makes the keys, the others use its.
 *
 * @throws `secret_mismatch` when the root secret is not the one they were wrapped under.
 */
export async function signingKeys(store: Store, vault: Vault, clock: Clock): Promise<SigningKey[]> {
  const found = await keySetRecord.read(store, ID);
  if (found) {
    const opened = found.value.keys.map((key) => open(key, vault));
    await rewrap(store, vault);
    return opened;
  }
  const keys = await Promise.all(ALGORITHMS.map((alg) => makeKey(alg, vault, clock)));
  await store.commit(keySetRecord.key(ID), keySetRecord.encode({ keys }), {
    expect: "absent",
    version: newVersion(),
    durable: true,
  });
  return signingKeys(store, vault, clock);
}

/** After a rotation of the root secret: under the newest one, so that the older ones can be dropped. */
async function rewrap(store: Store, vault: Vault): Promise<void> {
  const isCurrent = ({ kid, wrapped }: StoredKey) => vault.isCurrent(wrapped, context(kid));
  const decide = (current: KeySet | undefined) => {
    if (!current || current.keys.every(isCurrent)) return { value: undefined, result: undefined };
    const keys = current.keys.map((key) => {
      const jwk = vault.open(key.wrapped, context(key.kid));
      return { ...key, wrapped: vault.wrap(jwk, context(key.kid)) };
    });
    return { value: { keys }, result: undefined };
  };
  await change(store, keySetRecord, ID, decide, { durable: true });
}

function context(kid: string): string {
  return `key:${kid}`;
}

async function makeKey(alg: (typeof ALGORITHMS)[number], vault: Vault, clock: Clock): Promise<StoredKey> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint(jwk);
  return { kid, alg, wrapped: vault.wrap(JSON.stringify(jwk), context(kid)), created: clock.now() };
}

function open({ kid, alg, wrapped }: StoredKey, vault: Vault): SigningKey {
  return { ...(JSON.parse(vault.open(wrapped, context(kid))) as JWK), kid, alg, use: "sig" };
}
