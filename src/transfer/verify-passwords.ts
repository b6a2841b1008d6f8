/** Verifiers and their keys: each verifier has an account that lists it and a key that counts, and no other key is left. */
import { accountRecord } from "../account/account.ts";
import { entries, sweepVerifiers } from "../account/leftovers.ts";
import { passwordState, readPasswordState, STATE, VERIFIER } from "../account/password-state.ts";
import type { Key, Store } from "../store/store.ts";
import { keyOfVerifier, PASSWORD_KEY } from "./backup.ts";
import type { Finding, Findings, Shelf } from "./finding.ts";

export async function* verifiers(store: Store): Findings {
  for await (const { key, value } of entries(store, VERIFIER)) {
    const { seal } = await readPasswordState(store);
    const holder = await accountRecord.read(store, key.slice(VERIFIER.length + 1));
    const alive = seal !== "sealed" && holder?.value.password?.state === "open";
    if (!alive) yield [dead(store, key)];
    else yield (await isOpened(store, key, value)) ? [] : [{ key, problem: "a verifier that no key opens" }];
  }
}

/** Under a key that counts. A purge that goes on meanwhile gives it another one before the old one counts no more. */
async function isOpened(store: Store, key: Key, seen: unknown): Promise<boolean> {
  const counts = async (value: unknown) =>
    (await readPasswordState(store)).keys.includes(keyOfVerifier(value));
  if (await counts(seen)) return true;
  const now = await store.read(key);
  return now === undefined || counts(now.value);
}

function dead(store: Store, key: Key): Finding {
  const problem = "a verifier whose account lists no open password";
  return { key, problem, repair: () => sweepVerifiers(store) };
}

/** While passwords are open a key may be in the making; what is left of one is destroyed by the next purge. */
export async function* keys(store: Store, shelf: Shelf): Findings {
  const kept = await shelf.list();
  const { seal, keys: counting } = await readPasswordState(store);
  yield counting
    .filter((id) => !kept.includes(id))
    .map(() => ({ key: passwordState.key(STATE), problem: "the key of the verifiers is missing" }));
  const left = seal === "sealing" ? [] : kept.filter((id) => !counting.includes(id));
  for (const id of left) {
    const key: Key = `${PASSWORD_KEY}:${id}`;
    const repair = () => shelf.destroy(id);
    yield seal === "sealed"
      ? [{ key, problem: "a key of verifiers that outlived the seal", repair }]
      : [{ key, problem: "a key of verifiers that does not count; `passwords purge` destroys it" }];
  }
}
