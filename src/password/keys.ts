/**
 * The keys that verifiers are encrypted under. Each is random, wrapped under the root secret, and can be destroyed:
 * what it encrypted is then unreadable wherever copies of it lie. The state record says which keys count.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { passwordState, STATE, UNTOUCHED } from "../account/password-state.ts";
import type { Clock } from "../clock.ts";
import { refuse } from "../errors.ts";
import { change } from "../store/change.ts";
import { newVersion } from "../store/record.ts";
import type { Millis, Store } from "../store/store.ts";
import type { Vault } from "../vault.ts";
import type { Shelf } from "./shelf.ts";

/** What this room stands on. */
export interface Safe {
  store: Store;
  clock: Clock;
  vault: Vault;
  shelf: Shelf;
}

export interface PasswordKey {
  id: string;
  key: Buffer;
}

const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

const context = (id: string) => `password key:${id}`;

/** A key by its id; nothing when it was destroyed. @throws `secret_mismatch` */
export async function readKey({ shelf, vault }: Safe, id: string): Promise<PasswordKey | undefined> {
  const wrapped = id === "" ? undefined : await shelf.read(id);
  if (wrapped === undefined) return undefined;
  return { id, key: Buffer.from(vault.open(wrapped, context(id)), "base64url") };
}

/** Makes a key that nothing refers to yet. */
export async function makeKey({ shelf, vault }: Safe): Promise<PasswordKey> {
  const id = newVersion();
  const key = randomBytes(KEY_BYTES);
  await shelf.put(id, vault.wrap(key.toString("base64url"), context(id)));
  return { id, key };
}

/**
 * The key that new verifiers are encrypted under; the first import makes one.
 *
 * @throws `passwords_sealed`
 */
export async function currentKey(safe: Safe): Promise<PasswordKey> {
  const found = await passwordState.read(safe.store, STATE);
  const { seal, keys } = found?.value ?? UNTOUCHED;
  if (seal !== "open") throw refuse("passwords_sealed");
  if (keys[0] !== undefined) return required(await readKey(safe, keys[0]));
  const made = await makeKey(safe);
  const first = await change(
    safe.store,
    passwordState,
    STATE,
    (current) => {
      const state = current ?? { ...UNTOUCHED, since: safe.clock.now() };
      if (state.seal !== "open") throw refuse("passwords_sealed");
      if (state.keys[0] !== undefined) return { value: undefined, result: state.keys[0] };
      return { value: { ...state, keys: [made.id] }, result: made.id };
    },
    { durable: true },
  );
  if (first === made.id) return made;
  await safe.shelf.destroy(made.id);
  return required(await readKey(safe, first));
}

/** After a rotation of the root secret: under the newest one, so that the older ones can be dropped. */
export async function rewrapKeys({ shelf, vault }: Pick<Safe, "shelf" | "vault">): Promise<void> {
  for (const id of await shelf.list()) {
    const wrapped = await shelf.read(id);
    if (wrapped === undefined || vault.isCurrent(wrapped, context(id))) continue;
    await shelf.put(id, vault.wrap(vault.open(wrapped, context(id)), context(id)));
  }
}

/** How long an opened key is remembered: one that was destroyed is out of use within a second. */
const REMEMBERED: Millis = 500;

/** Opened keys, for a server that opens the same one again and again. */
export function keyRing(safe: Safe): (id: string) => Promise<PasswordKey | undefined> {
  let known: { id: string; key: PasswordKey; until: number } | undefined;
  return async (id) => {
    if (known?.id === id && known.until > performance.now()) return known.key;
    const key = await readKey(safe, id);
    known = key && { id, key, until: performance.now() + REMEMBERED };
    return key;
  };
}

/** Encrypts for one account: nobody else's record can be put in its place. */
export function encrypt({ id, key }: PasswordKey, account: string, plain: Buffer): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(`${id} ${account}`));
  const bytes = Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return bytes.toString("base64url");
}

/** The plain bytes, or nothing when the key, the account or a bit is another. */
export function decrypt({ id, key }: PasswordKey, account: string, sealed: string): Buffer | undefined {
  const bytes = Buffer.from(sealed, "base64url");
  if (bytes.length < IV_BYTES + TAG_BYTES) return undefined;
  const options = { authTagLength: TAG_BYTES };
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, IV_BYTES), options);
  decipher.setAAD(Buffer.from(`${id} ${account}`)).setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
}

function required(key: PasswordKey | undefined): PasswordKey {
  if (key) return key;
  const detail = "The key of the passwords is missing: restore it together with the data.";
  throw refuse("store_refused", { detail });
}
