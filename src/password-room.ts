/**
 * The door to the room of passwords. The room is loaded here and nowhere else, and only while the store is not sealed;
 * afterwards nothing of it is in the process.
 */
import { resolve } from "node:path";
import type { LegacyPasswords } from "./account/legacy.ts";
import { readPasswordState } from "./account/password-state.ts";
import type { Clock } from "./clock.ts";
import { folderOf, type Settings } from "./config/derive.ts";
import type { Safe } from "./password/keys.ts";
import type { Store } from "./store/store.ts";
import type { Vault } from "./vault.ts";

/** What the room is opened with. */
export interface Premises {
  settings: Pick<Settings, "store" | "limits" | "workers">;
  store: Store;
  vault: Vault;
  clock: Clock;
}

/** The way in that is going away; nothing once the store is sealed. */
export async function openPasswords(premises: Premises): Promise<LegacyPasswords | undefined> {
  if ((await readPasswordState(premises.store)).seal === "sealed") return undefined;
  const { legacyPasswords } = await import("./password/legacy.ts");
  const { limits, workers } = premises.settings;
  return legacyPasswords({ ...(await passwordSafe(premises)), guesses: limits.guesses, workers });
}

/** The verifiers with their keys, for those who maintain them. */
export async function passwordSafe({ settings, store, vault, clock }: Premises): Promise<Safe> {
  const { fileShelf, storeShelf } = await import("./password/shelf.ts");
  const folder = store.driver === "lmdb" ? folderOf(settings.store) : undefined;
  return {
    store,
    vault,
    clock,
    shelf: folder === undefined ? storeShelf(store) : fileShelf(resolve(folder)),
  };
}

/** Once a day, where something was dropped, what is left gets a new key: then nobody can read what was dropped. */
export function passwordPurge(premises: Premises): { sweep(): Promise<number> } {
  return {
    async sweep() {
      const { seal, keys } = await readPasswordState(premises.store);
      if (seal !== "open" || keys.length === 0) return 0;
      const { purgeWhenDue } = await import("./password/purge.ts");
      return purgeWhenDue(await passwordSafe(premises));
    },
  };
}

/** After a rotation of the root secret: wraps the keys of the passwords under the newest one, too. */
export async function rewrapPasswordKeys(premises: Premises): Promise<void> {
  if ((await readPasswordState(premises.store)).keys.length === 0) return;
  const { rewrapKeys } = await import("./password/keys.ts");
  await rewrapKeys(await passwordSafe(premises));
}
