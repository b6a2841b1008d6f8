/** Whose something is that is kept beside an account: what it was allowed to do, and what its owner sees. */
import { accountRecord } from "../account/account.ts";
import type { Item } from "../store/bulk.ts";
import type { Store } from "../store/store.ts";
import { kindOf } from "./backup.ts";

/** An account and the app that it allowed something. */
export interface Parties {
  account: string;
  client: string;
}

export const idOf = (key: string): string => key.slice(key.indexOf(":") + 1);

/** That there is one, whatever it says and whether this version can read it. */
export async function isThere(store: Store, account: string): Promise<boolean> {
  return (await store.read(accountRecord.key(account))) !== undefined;
}

/**
 * Whose a consent is. Both ids may have a colon in them, so what is there decides which one divides: an account and an
 * app, or an account whose app is gone.
 */
export async function partiesOf(
  store: Store,
  id: string,
): Promise<(Parties & { isClientThere: boolean }) | undefined> {
  let found: Parties | undefined;
  for (let at = id.indexOf(":"); at >= 0; at = id.indexOf(":", at + 1)) {
    const parties = { account: id.slice(0, at), client: id.slice(at + 1) };
    if (parties.account === "" || !(await isThere(store, parties.account))) continue;
    if ((await store.read(`client:${parties.client}`)) !== undefined)
      return { ...parties, isClientThere: true };
    found ??= parties;
  }
  return found && { ...found, isClientThere: false };
}

/** Whether something is kept for an account, and is of use only beside it. */
export function isBelonging({ sort, key }: Pick<Item, "sort" | "key">): boolean {
  const kind = kindOf(key);
  return sort === "record" ? kind === "activity" || kind === "consent" : kind === "consents";
}

/** Whether the account is there that a belonging is kept for. */
export async function hasOwner(store: Store, { key }: Pick<Item, "key">): Promise<boolean> {
  return kindOf(key) === "consent"
    ? (await partiesOf(store, idOf(key))) !== undefined
    : isThere(store, idOf(key));
}
