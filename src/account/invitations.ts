/**
 * Invitations: links that make an account, or the first passkey of one that an import brought. Each works once, until
 * it expires; only the fingerprint of its secret is kept.
 */
import type { Clock } from "../clock.ts";
import { isRefusal, refuse } from "../errors.ts";
import { randomText } from "../random.ts";
import { fingerprint, newVersion, recordKind } from "../store/record.ts";
import type { Millis, Store } from "../store/store.ts";
import type { Account } from "./account.ts";

/** Whom an invitation is for, and what the account gets that it makes. */
export interface Invitation {
  /** An account that exists already: it gets its first passkey. */
  account?: string;
  name?: string;
  email?: string;
  /** The operator vouches for the address. */
  emailVerified?: boolean;
  username?: string;
  groups?: string[];
  /** Milliseconds since the epoch: to show; the store's own clock decides. */
  expires: number;
}

export interface Invitations {
  /** A new link's secret. @param ttl how long it works */
  issue(invitation: Omit<Invitation, "expires">, ttl: Millis): Promise<{ token: string; expires: number }>;
  /** The invitation behind a secret, as long as it works. Looking does not use it up. */
  find(token: string): Promise<Invitation | undefined>;
  /**
   * Uses the invitation up. Of many who come with one link exactly one gets to `use` it; when that is refused, the
   * link works again.
   *
   * @throws `invitation_invalid`, and what `use` throws
   */
  redeem(token: string, use: (invitation: Invitation) => Promise<Account>): Promise<Account>;
}

const invitationRecord = recordKind<Invitation>("invitation");

export function invitations({ store, clock }: { store: Store; clock: Clock }): Invitations {
  return {
    async issue(invitation, ttl) {
      const token = randomText(32);
      const expires = clock.now() + ttl;
      const how = { expect: "absent", version: newVersion(), ttl, durable: true } as const;
      const record = invitationRecord.encode({ ...invitation, expires });
      await store.commit(invitationRecord.key(fingerprint(token)), record, how);
      return { token, expires };
    },
    find: async (token) => (await invitationRecord.read(store, fingerprint(token)))?.value,
    async redeem(token, use) {
      const key = invitationRecord.key(fingerprint(token));
      const taken = await store.take<object>(key, newVersion());
      if (!taken) throw refuse("invitation_invalid");
      const invitation = invitationRecord.decode(taken);
      try {
        return await use(invitation);
      } catch (error) {
        const left = invitation.expires - clock.now();
        // Where nobody knows what was done, nobody gets a second try.
        if (isRefusal(error) && error.status < 500 && left > 0) await store.write(key, taken, { ttl: left });
        throw error;
      }
    },
  };
}
