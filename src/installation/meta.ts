/** The record that makes a store ours, and what it says about whether it may be used. */
import type { Settings } from "../config/load.ts";
import { secretMismatch } from "../config/root-secret.ts";
import { isRefusal, refuse } from "../errors.ts";
import { type RecordKind, recordKind } from "../store/record.ts";
import type { Store } from "../store/store.ts";
import type { Vault } from "../vault.ts";

/** From when on passkeys were made for an RP ID; milliseconds since the epoch. */
export interface RpIdSince {
  rpId: string;
  since: number;
}

/** Written once, when the store is made ours. */
export interface Meta {
  /** Names the store; `LATCHKEY_STORE_ID` pins it. */
  id: string;
  created: number;
  /** A known text under the root secret: opening it proves that the secret fits. */
  proof: string;
  /** The number of the data's format; absent: the first. See {@link FORMAT}. */
  format?: number;
  /**
   * For which RP ID passkeys were made, and since when, oldest first: a passkey opens nothing under another one. Absent in
   * a store that was made before this was remembered, until a server starts on it.
   */
  rpIds?: RpIdSince[];
  /** Where the data is now: nobody serves from this store any more. */
  moved?: { to: string; at: number };
}

/**
 * The newest format of data that this version reads. A migration after which older versions must not run any more
 * raises it, here and in the store.
 */
export const FORMAT = 1;

export const metaRecord: RecordKind<Meta> = recordKind<Meta>("meta");
export const META = "store";

/** Data that a newer version wrote is not touched: what this one does not know it would drop. @throws `store_refused` */
export function requireReadable({ format = 1, moved }: Meta): void {
  if (moved)
    throw refuse("store_refused", { detail: `The data has moved to ${moved.to}: set LATCHKEY_STORE to it.` });
  if (format <= FORMAT) return;
  const detail = `The data is of format ${format}; this version reads up to ${FORMAT}. Run the newer version that wrote it.`;
  throw refuse("store_refused", { detail });
}

/** @throws `secret_mismatch` when none of the secrets made this store */
export function requireSecret({ proof }: Meta, vault: Vault, settings: Settings): void {
  try {
    vault.open(proof, "proof");
  } catch (cause) {
    throw isRefusal(cause, "secret_mismatch") ? secretMismatch(settings, cause) : cause;
  }
}

/** Whether a store with this record would open here. @throws `store_refused`, `secret_mismatch` */
export function requireFit(meta: object, vault: Vault, settings: Settings): void {
  const found = metaRecord.decode(meta);
  requireReadable(found);
  requireSecret(found, vault, settings);
}

/** Whether a store is still the one that serves, or why it is not. */
export type Standing = { is: "ours" | "moving" | "foreign" } | { is: "moved"; to: string };

/** Whether a store is still the one with this id, and neither moved nor about to be. */
export async function standingOf(store: Store, id: string): Promise<Standing> {
  const [meta, lock] = await Promise.all([
    metaRecord.read(store, META),
    store.read<{ free?: true }>("lock:switch"),
  ]);
  if (meta?.value.id !== id) return { is: "foreign" };
  if (meta.value.moved) return { is: "moved", to: meta.value.moved.to };
  return { is: lock === undefined || lock.value.free === true ? "ours" : "moving" };
}
