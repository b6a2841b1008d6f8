/** What an import does with password hashes; the room of passwords does it, and once the store is sealed, nobody. */
import { refuse } from "../errors.ts";
import type { HashInput } from "./row.ts";

export interface Hashes {
  /** The hash in the form it is kept in. @throws `hash_unsupported`, `hash_too_costly`, `passwords_sealed` */
  check(hash: HashInput): string;
  /**
   * Before each batch: whether the store still takes verifiers, and the key for them. Nothing is written for none. The
   * answer ends the batch.
   *
   * @throws `passwords_sealed`
   */
  begin(hashes: readonly string[]): Promise<() => Promise<void>>;
  /** Whether this is the verifier that an account has. */
  has(accountId: string, hash: string): Promise<boolean>;
  /**
   * Writes a verifier, durably.
   *
   * @throws `password_closed` when the account says so by now, `store_conflict` when somebody else wrote it
   */
  put(accountId: string, hash: string): Promise<void>;
}

const sealed = () => {
  throw refuse("passwords_sealed");
};

export const noHashes: Hashes = {
  check: sealed,
  begin: async () => async () => {},
  has: async () => false,
  put: sealed,
};
