/** What an owner is told on every channel there is, because somebody may have done it in his name. */
import type { Account } from "./account.ts";

export type NoticeKind =
  | "passkey_added"
  | "passkey_removed"
  | "password_closed"
  | "password_removed"
  | "password_dropped"
  | "conversion_undone"
  | "recovery_started"
  | "recovery_cancelled"
  | "recovery_codes_made"
  | "recovery_code_used"
  | "pass_issued"
  | "email_changed"
  | "account_deletion"
  | "account_disabled"
  | "account_enabled"
  | "account_deleted"
  | "sessions_ended"
  /** Somebody else signed up with this address, which the page that was answered does not tell. */
  | "address_used";

export interface Notice {
  kind: NoticeKind;
  /** Milliseconds since the epoch. */
  at: number;
  /** What it is about, in words that may be shown: a passkey's name, an address, a browser. */
  about?: string;
  /** Where "It wasn't me" leads: an address of ours that undoes what it can. */
  undo?: string;
}

/** After these the owner's page opens no more. */
export const CLOSED: readonly NoticeKind[] = ["account_disabled", "account_deleted"];

/** Tells the owner. Resolves when the notice is kept, not when it has arrived; never rejects for a channel's sake. */
export type Notify = (account: Account, notice: Notice) => Promise<void>;

export interface MailedProof {
  kind: "conversion" | "recovery";
  code: string;
  link?: string;
}

/** What is mailed because somebody asked for it just now. */
export interface Mail {
  /**
   * Sends a code to be typed on the page that is open, or a link that opens only there; to the account's verified address
   * and nowhere else, and at most three in an hour.
   */
  code(account: Account, proof: MailedProof, locale: string): Promise<void>;
}
