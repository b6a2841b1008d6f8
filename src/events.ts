/**
 * What happened, in facts that may be kept: ids, codes and flags, never a secret.
 *
 * Events about an account ride in its document (`outbox`) and reach the audit log after the commit; those that
 * change no record (a refused ceremony, a sign-in) are only announced to listeners, of which the log is one.
 */
export interface Event {
  /** Unique; makes a repeated append harmless. */
  id: string;
  type: EventType;
  /** Milliseconds since the epoch. */
  at: number;
  account?: string;
  /** Credential id, client id, or code, as the type says. */
  subject?: string;
  detail?: Readonly<Record<string, string | number | boolean>>;
  from?: Origin;
}

/** Where a request came from. */
export interface Origin {
  /** The client's address, as far as proxies can be trusted. */
  address: string;
  /** What the browser calls itself, in words: "Firefox on Linux". */
  browser?: string;
}

export type EventType =
  | "account.created"
  | "account.imported"
  | "account.updated"
  | "account.renamed"
  | "account.deleted"
  | "account.disabled"
  | "account.enabled"
  | "owner.created"
  | "passkey.registered"
  | "passkey.renamed"
  | "passkey.removed"
  | "passkey.authenticated"
  | "passkey.counter_regressed"
  | "passkey.backup_changed"
  | "group.joined"
  | "group.left"
  | "password.closed"
  | "password.removed"
  | "password.dropped"
  | "conversion.undone"
  | "pass.issued"
  | "pass.used"
  | "pass.revoked"
  | "recovery_codes.made"
  | "recovery_code.used"
  | "recovery.waiting"
  | "recovery.completed"
  | "recovery.cancelled"
  | "recovery.ended"
  | "ceremony.refused"
  | "email.changed"
  | "email.restored"
  | "deletion.scheduled"
  | "deletion.cancelled"
  | "access.denied"
  | "session.ended"
  | "sessions.ended"
  | "client.added"
  | "client.updated"
  | "client.removed";

/** How somebody came to sign in. */
export type Way = "passkey" | "password" | "sign_up" | "conversion" | "recovery" | "invitation" | "setup";

/** Is told of each event; must not throw and is not awaited. */
export type Listener = (event: Event) => void;
