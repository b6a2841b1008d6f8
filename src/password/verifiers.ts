/** Verifiers at rest: one encrypted record for each account that still has an open password. */
import { VERIFIER } from "../account/password-state.ts";
import { newVersion, recordKind } from "../store/record.ts";
import type { Key, Store, Stored } from "../store/store.ts";
import { decrypt, encrypt, type PasswordKey } from "./keys.ts";

/** `sealed` is `lkpw1.<key id>.<AES-256-GCM, base64url>`, so that it is recognised wherever a copy of it lies. */
export interface Verifier {
  sealed: string;
}

export const verifierRecord = recordKind<Verifier>(VERIFIER);

/** Begins every verifier at rest. */
const MARK = "lkpw1";

/** What is encrypted has this many bytes, or as many times that: the length tells nothing of the scheme. */
const BLOCK = 256;
const LENGTH = 2;

/** A hash in the form it is kept in. */
export function sealVerifier(key: PasswordKey, account: string, hash: string): Verifier {
  const text = Buffer.from(hash);
  const plain = Buffer.alloc(Math.ceil((LENGTH + text.length) / BLOCK) * BLOCK);
  plain.writeUInt16BE(text.length);
  text.copy(plain, LENGTH);
  return { sealed: `${MARK}.${key.id}.${encrypt(key, account, plain)}` };
}

/** The id of the key that a verifier needs. */
export function keyIdOf({ sealed }: Verifier): string {
  const [mark, id = ""] = String(sealed).split(".");
  return mark === MARK ? id : "";
}

/** The hash, or nothing when the key is another one or the record is not this account's. */
export function openVerifier(key: PasswordKey, account: string, { sealed }: Verifier): string | undefined {
  const plain = decrypt(key, account, sealed.split(".")[2] ?? "");
  return plain?.subarray(LENGTH, LENGTH + plain.readUInt16BE()).toString();
}

/** One that was swept is there for a moment more, empty. */
export async function readVerifier(store: Store, account: string): Promise<Stored<Verifier> | undefined> {
  const found = await verifierRecord.read(store, account);
  return found?.value.sealed === undefined ? undefined : found;
}

/** Says that something was dropped since the last purge, and is still readable in free pages and old files. */
const DROPPED: Key = "passwordsdropped:since";

/** Erases one, durably. */
export async function removeVerifier(store: Store, account: string): Promise<void> {
  await store.remove(verifierRecord.key(account), { durable: true });
  await store.write(DROPPED, {});
}

/** Whether a purge is due; asked once, it is no longer. */
export async function takeDropped(store: Store): Promise<boolean> {
  return (await store.take(DROPPED, newVersion())) !== undefined;
}
