/**
 * The way in that is going away, as everybody but its own room sees it: ours over verifiers of our own, or a plugin
 * host's over his users table. Once the store is sealed there is none.
 */
import type { Stored } from "../store/store.ts";
import type { Account } from "./account.ts";

export interface LegacyPasswords {
  /** Whether any password may still sign in; false within a second of sealing. */
  available(): Promise<boolean>;
  /**
   * The account whose open password this is, read again after the password was verified.
   *
   * @param login username or verified e-mail address, as it was typed
   * @param address where the request came from: guesses are counted for it, too
   * A refusal takes as long as the costliest hash of the store, rounded up to a quarter of a second.
   *
   * @throws `authentication_failed` for whatever reason, `too_many_requests`, `service_busy`, `not_found` once there are
   * no passwords any more
   */
  verify(login: string, password: string, address: string): Promise<Stored<Account>>;
  /**
   * Erases the verifier of an account whose document says `closed` already. A repeat does nothing. A `TypeError`
   * where the document still says `open`: the order is what no crash may turn around.
   */
  forget(accountId: string): Promise<void>;
}
