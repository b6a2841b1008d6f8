/**
 * Encrypts what is left under a new key and destroys the old one. What was dropped before is then unreadable wherever
 * a copy of it lies: in free pages, append-only files, replicas, backups without the key.
 */
import { accountRecord } from "../account/account.ts";
import { passwordState, readPasswordState, STATE } from "../account/password-state.ts";
import { refuse } from "../errors.ts";
import { change } from "../store/change.ts";
import { newVersion } from "../store/record.ts";
import type { Entry, Millis } from "../store/store.ts";
import { alone } from "./alone.ts";
import { makeKey, type PasswordKey, readKey, type Safe } from "./keys.ts";
import { keyIdOf, openVerifier, sealVerifier, takeDropped, verifierRecord } from "./verifiers.ts";
import { writersBefore } from "./writers.ts";

export interface Purged {
  /** Verifiers that are encrypted under the new key now. */
  kept: number;
  /** Verifiers that were dead, and are gone. */
  removed: number;
  /** Keys that were destroyed. */
  keys: number;
}

/** @throws `passwords_sealed`, `store_conflict` */
export function purge(safe: Safe): Promise<Purged> {
  return alone(safe, async () => {
    const next = await addKey(safe);
    if (!next) return { kept: 0, removed: 0, keys: 0 };
    await writersBefore(safe.store);
    const counts = { kept: 0, removed: 0 };
    // Until a whole walk finds nothing of the old keys: what a walk missed, or came meanwhile, the next one finds.
    while (await reencryptAll(safe, next, counts));
    return { ...counts, keys: await retireAllBut(safe, next.id) };
  });
}

const DAY: Millis = 24 * 60 * 60 * 1000;

/** A purge where something was dropped since the last one, at most one a day among all instances. */
export async function purgeWhenDue(safe: Safe): Promise<number> {
  const { store } = safe;
  const turn = { expect: "absent", version: newVersion(), ttl: DAY } as const;
  if ((await readPasswordState(store)).seal !== "open") return 0;
  if (!(await store.commit("lock:passwordpurge", {}, turn))) return 0;
  return (await takeDropped(store)) ? (await purge(safe)).keys : 0;
}

/** The new key, first in the state; nothing where no verifier ever was. */
async function addKey(safe: Safe): Promise<PasswordKey | undefined> {
  const found = await passwordState.read(safe.store, STATE);
  if (found && found.value.seal !== "open") throw refuse("passwords_sealed");
  if (!found || found.value.keys.length === 0) return undefined;
  const made = await makeKey(safe);
  await change(
    safe.store,
    passwordState,
    STATE,
    (state) => {
      if (state?.seal !== "open") throw refuse("passwords_sealed");
      return { value: { ...state, keys: [made.id, ...state.keys] }, result: undefined };
    },
    { durable: true },
  );
  return made;
}

async function reencryptAll(
  safe: Safe,
  next: PasswordKey,
  counts: { kept: number; removed: number },
): Promise<number> {
  const keys = new Map<string, Promise<PasswordKey | undefined>>();
  const keyOf = (id: string) => keys.get(id) ?? keys.set(id, readKey(safe, id)).get(id);
  let found = 0;
  for await (const { entries } of safe.store.scan(verifierRecord.kind)) {
    const outcomes = await Promise.all(
      entries.map(async (entry) => {
        const { sealed } = verifierRecord.decode(entry.value as object);
        const id = keyIdOf({ sealed });
        // Without a key's name it is what a removal leaves for the moment until it is gone.
        return id === next.id || id === "" ? "current" : reencrypt(safe, entry, await keyOf(id), next);
      }),
    );
    counts.kept += outcomes.filter((one) => one === "kept").length;
    counts.removed += outcomes.filter((one) => one === "removed").length;
    found += outcomes.filter((one) => one !== "current").length;
  }
  return found;
}

/** Against the version that was read: a removal at the same moment stays a removal. */
async function reencrypt(
  { store }: Safe,
  { key, value, version }: Entry,
  old: PasswordKey | undefined,
  next: PasswordKey,
): Promise<"kept" | "removed" | "raced"> {
  const account = key.slice(verifierRecord.kind.length + 1);
  const holder = await accountRecord.read(store, account);
  const living = holder?.value.password?.state === "open";
  const hash = living && old ? openVerifier(old, account, verifierRecord.decode(value as object)) : undefined;
  const how = { expect: version, version: newVersion(), durable: true };
  if (hash === undefined) return (await store.commit(key, {}, { ...how, ttl: 1 })) ? "removed" : "raced";
  const record = verifierRecord.encode(sealVerifier(next, account, hash));
  return (await store.commit(key, record, how)) ? "kept" : "raced";
}

/** The state first, so that no crash leaves one that names a key that is gone. */
async function retireAllBut({ store, shelf }: Safe, id: string): Promise<number> {
  await change(
    store,
    passwordState,
    STATE,
    (state) => ({ value: state && { ...state, keys: [id] }, result: undefined }),
    { durable: true },
  );
  const old = (await shelf.list()).filter((one) => one !== id);
  for (const one of old) await shelf.destroy(one);
  await store.examination?.rewrite();
  return old.length;
}
