/**
 * The account and its passkeys: one document, changed only by the pure transitions in this room.
 *
 * There is no password here, and there never will be: a legacy verifier is a record of its own kind, and an account
 * only says which ways in are open.
 */
import { readerOf, upcastsOf } from "../../migrations/index.ts";
import type { Event } from "../events.ts";
import { randomText } from "../random.ts";
import { recordKind } from "../store/record.ts";

/** What was verified about the authenticator when the passkey was registered; `verified` needs a trusted root. */
export type AttestationTrust = "none" | "self" | "unknown" | "verified";

/** A registered credential (WebAuthn Level 3, section 4, "Credential Record"). */
export interface Passkey {
  /** Credential id, base64url. */
  id: string;
  /** COSE public key, base64url. */
  publicKey: string;
  /** COSE algorithm identifier: -7 ES256, -8 EdDSA, -257 RS256. */
  algorithm: number;
  /** The largest signature counter seen; synced passkeys keep 0. */
  counter: number;
  transports: string[];
  /** Self-declared unless `attestation` is `verified`: a label, not a fact. */
  aaguid: string;
  /** BE: may be synced. Never changes (section 6.1.3). */
  backupEligible: boolean;
  /** BS: is synced now. */
  backedUp: boolean;
  attestation: AttestationTrust;
  /** Only `active` signs in. `pending` waits for its index claim, `suspended` for the end of a recovery. */
  state: "pending" | "active" | "suspended";
  name: string;
  /** On which way it came to the account; absent where nobody remembers. */
  addedBy?: AddedBy;
  /** Milliseconds since the epoch. */
  created: number;
  /** Day precision, so that most sign-ins write nothing. */
  lastUsed?: string;
}

/** The occasions on which a passkey is made. */
export type AddedBy = "sign_up" | "setup" | "account" | "conversion" | "recovery" | "invitation";

/**
 * Where a legacy password stands. `open` signs in; `closed` is a tombstone that stays for ever: nothing opens it again,
 * whoever imports, restores or replays what. The verifier itself is another record, and dead unless this says `open`.
 */
export interface PasswordWay {
  state: "open" | "closed";
  /** Milliseconds since the epoch. */
  since: number;
  /** The last day on which it signed in. */
  lastUsed?: string;
  /** How often the owner answered "Not now" when a passkey was offered in its place. */
  declined?: number;
  /** When the host of this account confirmed that it has erased a closed password; milliseconds since the epoch. */
  dropped?: number;
}

/** Recovery codes, good once each: SHA-256 of those that are left. */
export interface RecoveryCodes {
  /** Milliseconds since the epoch. */
  created: number;
  left: string[];
}

/** A temporary access pass: good once, until it expires, for this account alone. */
export interface Pass {
  /** SHA-256 of the pass. */
  fingerprint: string;
  /** Milliseconds since the epoch. */
  issued: number;
  expires: number;
  /** The account id of the administrator who issued it, or `cli`. */
  by: string;
}

/** A recovery in its grace time: what was added, and what was declared lost and can still object. */
export interface Repair {
  since: number;
  by: "code" | "pass" | "email";
  /** Credential ids of the passkeys that the recovery added. */
  added: string[];
  /** Credential ids of the passkeys that are suspended. */
  lost: string[];
  /** While it waits for its delay: when it takes effect. Until then what it added is suspended, what is lost is not. */
  starts?: number;
  /** When the suspended ones are revoked; milliseconds since the epoch. */
  until: number;
}

/** For a day after a password made a passkey the account is careful: whoever knew the password may be a thief. */
export interface Watch {
  until: number;
  /** Credential ids of the passkeys that were made with the password. */
  passkeys: string[];
  /** "It wasn't me": SHA-256 of the links that work, from when on everything is undone, and how long they work. */
  undo?: { links: string[]; since: number; until: number };
}

/** An address that waits for its proof. */
export interface EmailChange {
  address: string;
  /** SHA-256 of what the link holds, and of the code that may be typed in its place. */
  token: string;
  code: string;
  /** Milliseconds since the epoch. */
  until: number;
  /** Proved, and being claimed. */
  claiming?: true;
}

/** An address that the account had, and may have again. */
export interface FormerEmail {
  address: string;
  /** SHA-256 of what the link in the mail to it holds. */
  token: string;
  /** Milliseconds since the epoch. */
  until: number;
}

export interface Account {
  /** Account id, `accountId` and public `sub`: one id, never reassigned. */
  id: string;
  /** The user handle: 32 random bytes, base64url. A native account's id *is* its handle. */
  handle: string;
  /** `pending` until every name it claims is its own; a pending account expires by itself. */
  state: "pending" | "active" | "disabled";
  username: string;
  email?: string;
  emailVerified: boolean;
  name?: string;
  /** A language of the pages, as the owner's browser asked for it: for mail. */
  language?: string;
  groups: string[];
  passkeys: Passkey[];
  /** Absent: there never was a password. */
  password?: PasswordWay;
  /** An import made this account, so an import may update it. */
  imported?: true;
  recoveryCodes?: RecoveryCodes;
  passes?: Pass[];
  repair?: Repair;
  watch?: Watch;
  /** Sessions, codes and tokens that began before are over; milliseconds since the epoch. See `endSessions`. */
  endedBefore?: number;
  emailChange?: EmailChange;
  /** Addresses that the account was changed from, oldest first, as long as that can be undone. */
  formerEmails?: FormerEmail[];
  /** Its owner wants it deleted then; milliseconds since the epoch. */
  deletion?: { at: number };
  /** When a further passkey was last declined; milliseconds since the epoch. */
  coach?: { asked: number };
  created: number;
  /** Events on their way to the log, at most 8. */
  outbox: Event[];
}

/**
 * A fresh user handle: 32 random bytes, base64url. None begins with a hyphen, because an account's id is its handle and
 * is typed on command lines, where a hyphen begins an option.
 */
export function newHandle(): string {
  for (;;) {
    const handle = randomText(32);
    if (!handle.startsWith("-")) return handle;
  }
}

/** The group whose members run this installation. */
export const ADMINISTRATORS = "administrators";

/** The record of an account, under `account:<id>`. */
export const accountRecord = recordKind<Account>("account", upcastsOf("account"), readerOf("account"));
