/** What a host says to `passkeys()`. */
import type { Account, Client, interactionPolicy } from "oidc-provider";
import type { Notice } from "../account/notices.ts";
import type { Listener } from "../events.ts";
import type { Logger } from "../log.ts";
import type { Store } from "../store/store.ts";

/** What somebody typed who wants an account; nothing of it is verified. */
export interface SignUpFields {
  name?: string;
  email?: string;
  username?: string;
}

/** Whom a notice is for. */
export interface NoticeRecipient {
  id: string;
  name?: string;
  /** From the host's own claims, and whether the host says that it is verified. */
  email?: string;
  emailVerified: boolean;
}

/** Who somebody is; without passwords this is all that is asked of a host. */
export interface HostDirectory {
  /**
   * The account as `oidc-provider` knows it, or nothing when there is none (any more).
   *
   * @param id 1 to 200 visible ASCII characters, the same for ever
   */
  find(id: string): Promise<Account | undefined> | Account | undefined;
  /**
   * Makes an account and gives its id. Whoever offers it lets people sign up. A refusal of `latchkey/errors` thrown here
   * (`email_taken`, `username_taken`, …) is shown to the person.
   */
  create?(fields: SignUpFields): Promise<string> | string;
}

/** The way in that is going away. */
export interface HostPasswords {
  /** The id of the account that somebody means by what they typed, or nothing. */
  findByLogin(text: string): Promise<string | undefined> | string | undefined;
  /** Whether this is the account's password. Never asked again once the password is closed. */
  verifyPassword(id: string, password: string): Promise<boolean> | boolean;
  /**
   * Erases the password. Called again until it resolves, so a repeat must do no harm; what rejects, or resolves to
   * `false`, is not done yet.
   */
  dropPassword(id: string): unknown;
  /** How many passwords there still are. */
  countPasswords?(): Promise<number> | number;
}

interface NoPasswords {
  findByLogin?: (text: string) => Promise<string | undefined> | string | undefined;
  verifyPassword?: never;
  dropPassword?: never;
  countPasswords?: never;
}

/** The host's accounts; what concerns passwords is all there, or none of it. */
export type HostAccounts = HostDirectory & (HostPasswords | NoPasswords);

export interface PasskeysOptions {
  /** The issuer, exactly as it is given to `new Provider()`. */
  issuer: string;
  accounts: HostAccounts;
  /** `redisStore(client)` of `latchkey/redis`, or `lmdbStore(path)` of `latchkey/lmdb`. */
  store: Store;
  /** At least 32 bytes; several, newest first, rotate. Default: derived from the host's `cookies.keys`. */
  secret?: string | readonly string[];
  /** RP ID: the issuer's host (the default) or a parent domain of it. Passkeys are bound to it for ever. */
  rpId?: string;
  /** What devices call this place. Default: the issuer's host. */
  name?: string;
  /** Further origins that may run ceremonies (related origins). */
  origins?: readonly string[];
  /** How many proxies in front are trusted to say where a request came from. Default 0. */
  trustProxy?: number;
  /** The operator's own apps: nobody is asked to allow them anything. Default: none. */
  firstParty?: (client: Client) => boolean;
  /** Changes the interaction policy, for hosts with prompts or checks of their own. */
  policy?: (policy: interactionPolicy.DefaultPolicy) => interactionPolicy.DefaultPolicy;
  /** A folder that overlays our views and texts file by file, text by text. */
  views?: string;
  /** Whether, and how soon, people with a password create a passkey; as `passwords` in the server's settings. */
  passwords?: {
    mode?: "offer" | "require" | "require-after";
    /** `2027-01-31` */
    requireAfter?: string;
    /** What must be left before an owner may remove the password. */
    removal?: "independent" | "strict" | "synced";
  };
  /** As `limits` in the server's settings: `{ guesses: { perAccount: "5/15m" } }`. */
  limits?: {
    guesses?: { perAccount?: string; perAddress?: string };
    ceremonies?: string;
    signUps?: string;
  };
  /** Any logger with `debug`, `info`, `warn` and `error` of pino's kind. Default: none. */
  log?: Logger;
  /**
   * Tells an owner what happened to the account, by a channel of the host's own: a passkey was added, the password was
   * closed, the account was recovered. `notice.undo` is the link of "It wasn't me". The answer waits for it, so keep the
   * notice and send it afterwards; what is thrown here is logged and changes nothing.
   */
  notify?: (recipient: NoticeRecipient, notice: Notice) => Promise<void> | void;
  /** Is told of every event: sign-ins, refusals, passkeys, closed passwords. */
  onEvent?: Listener;
}
