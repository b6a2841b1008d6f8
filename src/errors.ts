/**
 * Every refusal Latchkey can answer, in one table: a stable code, its HTTP status and a title for people.
 *
 * The titles are the English fallback; pages show the sentence of the same code in `views/copy/<language>.json`.
 * A wrong call by a developer is a `TypeError`; wrong data is a {@link LatchkeyError}.
 */
const table = {
  authentication_failed: [401, "That didn't work. Try again, or use another way to sign in."],
  ceremony_expired: [400, "This page was open too long or was used already. Try again."],
  registration_refused: [400, "This passkey could not be added. Try again, or use another device."],
  credential_registered: [409, "This passkey is already registered."],
  passkey_limit: [409, "This account has as many passkeys as it may have. Remove one first."],
  passkey_unknown: [404, "This passkey does not exist any more."],
  last_way_in: [409, "This is the only way into the account. Add another one before you remove it."],
  ways_missing: [409, "Add another way in before the password goes."],
  password_closed: [409, "This account has left its password behind. It cannot have one again."],
  passwords_sealed: [409, "Passwords are sealed here. None can be brought back."],
  passwords_left: [409, "There are passwords left, so they cannot be sealed."],
  report_invalid: [400, "This report was not signed by this provider, or was changed since."],
  row_invalid: [400, "This account cannot be read."],
  sub_invalid: [400, "A `sub` has 1 to 255 printable ASCII characters without spaces, and no hyphen first."],
  group_invalid: [400, "A group's name has 1 to 64 letters, digits, spaces, dots, hyphens or underscores."],
  hash_unsupported: [400, "This is no password hash that can be verified here."],
  hash_too_costly: [400, "Verifying this password hash costs more than `passwords.maxCost` allows."],
  username_taken: [409, "This username is taken. Choose another one."],
  email_taken: [409, "This e-mail address belongs to another account."],
  username_invalid: [400, "A username has 1 to 64 letters, digits, dots, hyphens or underscores."],
  email_invalid: [400, "This is not an e-mail address."],
  name_invalid: [400, "A name has at most 128 characters and no control characters."],
  account_exists: [409, "An account with this name or address exists already."],
  account_unknown: [404, "There is no such account."],
  sign_up_closed: [403, "New accounts cannot be created here."],
  setup_link_invalid: [404, "This setup link was used, has expired, or never existed."],
  invitation_invalid: [404, "This invitation was used, has expired, or never existed."],
  undo_link_invalid: [404, "This link was used, has expired, or never existed."],
  owner_exists: [409, "This installation has an owner already."],
  email_proof_invalid: [400, "This link or code is not right, was used already, or is too old."],
  session_unknown: [404, "This session has ended already."],
  session_required: [401, "Sign in first."],
  interaction_expired: [400, "This sign-in page is no longer valid."],
  origin_refused: [403, "This request came from another site and was refused."],
  host_refused: [421, "This server does not answer for that host name."],
  request_invalid: [400, "The request could not be understood."],
  request_too_large: [413, "The request is too large."],
  media_type_unsupported: [415, "Send the request as application/json."],
  method_not_allowed: [405, "This address does not answer to that method."],
  not_found: [404, "There is nothing at this address."],
  too_many_requests: [429, "Too many attempts. Wait a little and try again."],
  service_busy: [503, "Many people are signing in right now. Try again in a moment."],
  client_invalid: [400, "The client's metadata is not valid."],
  client_exists: [409, "A client with this id exists already."],
  client_unknown: [404, "There is no such client."],
  account_watched: [403, "This account has only just got its first passkey. Wait a day, then try again."],
  account_recovering: [
    403,
    "This account was recovered a short time ago. Nothing that opened it before can go yet.",
  ],
  account_limited: [403, "This account may not do that now."],
  configuration_invalid: [500, "The configuration is not valid."],
  store_conflict: [503, "Somebody else changed this at the same moment. Try again."],
  store_unavailable: [503, "The service is not available right now. Try again in a moment."],
  store_not_durable: [503, "The change could not be confirmed as saved. Check, and try again."],
  key_unknown: [404, "There is no such key."],
  key_in_use: [409, "This key signs, or is about to. Rotate first."],
  backup_refused: [400, "This backup cannot be restored."],
  store_refused: [500, "The store is not fit for use."],
  secret_mismatch: [500, "The secret does not fit this store."],
  internal: [500, "Something went wrong on our side."],
} as const satisfies Record<string, readonly [status: number, title: string]>;

/** Every stable error code. */
export type ErrorCode = keyof typeof table;

/** A refusal with a stable code. `detail` is safe to show to people; `cause` never leaves the server. */
export class LatchkeyError extends Error {
  override readonly name = "LatchkeyError";
  readonly code: ErrorCode;
  readonly status: number;
  /** Says more to the person who can do something about it. Never holds a secret or tells whether an account exists. */
  readonly detail: string | undefined;
  /** Extra members of the problem document (RFC 9457, section 3.2), for example `signal`. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, o: RefusalOptions = {}) {
    super(o.detail ? `${table[code][1]} ${o.detail}` : table[code][1], { cause: o.cause });
    this.code = code;
    this.status = table[code][0];
    this.detail = o.detail;
    this.members = o.members ?? {};
  }

  /** The problem document of this refusal (RFC 9457). */
  toProblem(): Problem {
    return {
      type: `urn:latchkey:error:${this.code}`,
      title: table[this.code][1],
      status: this.status,
      code: this.code,
      ...(this.detail === undefined ? {} : { detail: this.detail }),
      ...this.members,
    };
  }
}

/** What {@link refuse} may be told besides the code. */
export interface RefusalOptions {
  detail?: string;
  cause?: unknown;
  members?: Record<string, unknown>;
}

/** A problem document, `application/problem+json` (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail?: string;
  [member: string]: unknown;
}

/**
 * The one way to make a refusal: `throw refuse("last_way_in")`.
 *
 * @example
 * ```ts
 * import { refuse } from "latchkey/errors";
 * const error = refuse("last_way_in");
 * console.log(error.status, error.code); // 409 last_way_in
 * ```
 */
export function refuse(code: ErrorCode, options?: RefusalOptions): LatchkeyError {
  return new LatchkeyError(code, options);
}

/** True for a refusal, optionally of one given code. */
export function isRefusal(error: unknown, code?: ErrorCode): error is LatchkeyError {
  return error instanceof LatchkeyError && (code === undefined || error.code === code);
}

/** Code, status and title of every refusal, for the documentation. */
export function errorTable(): { code: ErrorCode; status: number; title: string }[] {
  return Object.entries(table).map(([code, [status, title]]) => ({ code: code as ErrorCode, status, title }));
}
