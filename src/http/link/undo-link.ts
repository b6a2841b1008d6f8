/**
 * The link of "It wasn't me". Its secret is derived, so that whatever notice is written, or written again after a crash,
 * carries the same one; what is good is decided by the fingerprint in the account, which no rotated key takes away.
 */
import { createHmac } from "node:crypto";
import type { Account } from "../../account/account.ts";
import { mayUndo } from "../../account/undo-conversion.ts";
import { fingerprint } from "../../store/record.ts";
import { addressOf } from "../entrance/base.ts";
import type { House } from "../page/house.ts";

type Deriving = Pick<House, "codeKey" | "issuer">;

function secretOf({ codeKey }: Deriving, accountId: string): string {
  return createHmac("sha256", codeKey).update(`undo ${accountId}`).digest("base64url");
}

/** What an account keeps of its link. */
export function undoFingerprint(house: Deriving, accountId: string): string {
  return fingerprint(secretOf(house, accountId));
}

/** The address of the link. */
export function undoUrl(house: Deriving, accountId: string): string {
  const token = `${Buffer.from(accountId).toString("base64url")}.${secretOf(house, accountId)}`;
  return addressOf(house.issuer, `/undo/${token}`);
}

/** What a notice says of it, while there is something to undo. */
export function undoOf(house: House, account: Account): { undo?: string } {
  const works = mayUndo(account, undoFingerprint(house, account.id), { at: house.clock.now() });
  return works ? { undo: undoUrl(house, account.id) } : {};
}

/** Whose link it is, and the fingerprint to be judged; nothing for what never was one. */
export function readUndoToken(token: string): { account: string; link: string } | undefined {
  const [, id, secret] = /^([A-Za-z0-9_-]{1,400})\.([A-Za-z0-9_-]{43})$/.exec(token) ?? [];
  if (id === undefined || secret === undefined) return undefined;
  return { account: Buffer.from(id, "base64url").toString(), link: fingerprint(secret) };
}
