/** Takes the hashes of an import in: judged by their cost, encrypted under the key of the day. */
import { accountRecord } from "../account/account.ts";
import { passwordState, STATE, UNTOUCHED } from "../account/password-state.ts";
import { refuse } from "../errors.ts";
import { change } from "../store/change.ts";
import { newVersion } from "../store/record.ts";
import type { Store } from "../store/store.ts";
import { slower } from "./class.ts";
import { type Cost, costOf, isAffordable } from "./cost.ts";
import { formatHash } from "./format.ts";
import type { LegacyHash } from "./hash.ts";
import { type KeycloakCredential, keycloakHash } from "./keycloak.ts";
import { currentKey, type PasswordKey, readKey, type Safe } from "./keys.ts";
import { parseHash } from "./parse.ts";
import {
  keyIdOf,
  openVerifier,
  readVerifier,
  removeVerifier,
  sealVerifier,
  verifierRecord,
} from "./verifiers.ts";
import { beginWriting } from "./writers.ts";

export interface Intake {
  check(hash: string | KeycloakCredential): string;
  begin(hashes: readonly string[]): Promise<() => Promise<void>>;
  has(accountId: string, hash: string): Promise<boolean>;
  put(accountId: string, hash: string): Promise<void>;
}

/** @param most what the operator accepts; see `passwords.maxCost` */
export function intake(safe: Safe, most: Cost): Intake {
  let key: PasswordKey | undefined;
  return {
    check: (hash) => formatHash(accepted(hash, most)),
    async begin(hashes) {
      if (hashes.length === 0) return async () => {};
      // Announced before the state is read: whoever changes it waits for us, or we see what it became.
      const end = await beginWriting(safe.store);
      try {
        key = await currentKey(safe);
        await rememberSlowest(safe, hashes);
        return end;
      } catch (error) {
        await end();
        throw error;
      }
    },
    async has(accountId, hash) {
      const found = await readVerifier(safe.store, accountId);
      const id = found && keyIdOf(found.value);
      const opening = id === key?.id ? key : id && (await readKey(safe, id));
      return Boolean(found && opening && openVerifier(opening, accountId, found.value) === hash);
    },
    put: (accountId, hash) => {
      if (!key) throw new TypeError("a batch begins before its verifiers are written");
      return put(safe, key, accountId, hash);
    },
  };
}

function accepted(input: string | KeycloakCredential, most: Cost): LegacyHash {
  const text = typeof input === "string" ? input : keycloakHash(input);
  const hash = text === undefined ? undefined : parseHash(text);
  if (!hash) throw refuse("hash_unsupported");
  if (isAffordable(hash, most)) return hash;
  const { memory, time } = costOf(hash);
  const detail = `It takes about ${Math.ceil(memory)} MiB and ${(time / 1000).toFixed(1)} s.`;
  throw refuse("hash_too_costly", { detail });
}

/**
 * Against the version that was read before the account was: a removal between the two leaves nothing to write on. The
 * account is asked again afterwards, because where no verifier was, none could have changed.
 */
async function put({ store }: Safe, key: PasswordKey, accountId: string, hash: string): Promise<void> {
  const seen = await verifierRecord.read(store, accountId);
  if (!(await isOpen(store, accountId))) throw refuse("password_closed");
  const record = verifierRecord.encode(sealVerifier(key, accountId, hash));
  const how = { expect: seen?.version ?? ("absent" as const), version: newVersion(), durable: true };
  const written = await store.commit(verifierRecord.key(accountId), record, how);
  if (await isOpen(store, accountId)) {
    if (!written) throw refuse("store_conflict");
    return;
  }
  await removeVerifier(store, accountId);
  throw refuse("password_closed");
}

async function isOpen(store: Store, accountId: string): Promise<boolean> {
  return (await accountRecord.read(store, accountId))?.value.password?.state === "open";
}

/** Before the first of a class is written, so that no refusal is ever answered sooner than its work is done. */
async function rememberSlowest({ store, clock }: Safe, hashes: readonly string[]): Promise<void> {
  const costliest = hashes
    .map(parseHash)
    .reduce(
      (one, other) => (other && (!one || costOf(other).time > costOf(one).time) ? other : one),
      undefined,
    );
  if (!costliest) return;
  const known = (await passwordState.read(store, STATE))?.value.slowest;
  if (slower(known, costliest) === known) return;
  await change(store, passwordState, STATE, (current) => {
    const state = current ?? { ...UNTOUCHED, since: clock.now() };
    return { value: { ...state, slowest: slower(state.slowest, costliest) }, result: undefined };
  });
}
