/**
 * The first owner of an installation, made through a one-time link.
 *
 * Two records: `setup:token` holds the fingerprint of the newest link and expires; `setup:owner` names the owner
 * and stays. The owner is claimed like any other name, so of two people with a link exactly one becomes the owner,
 * and the other one's account never becomes active.
 */
import type { Clock } from "../clock.ts";
import { isRefusal, refuse } from "../errors.ts";
import { randomText } from "../random.ts";
import { fingerprint, recordKind } from "../store/record.ts";
import type { Millis, Store } from "../store/store.ts";
import { type Account, ADMINISTRATORS } from "./account.ts";
import type { Accounts } from "./accounts.ts";
import type { NewAccountInput } from "./create.ts";
import type { Claim, Hint } from "./directory.ts";

/** How long a setup link works. */
export const SETUP_LINK_TTL: Millis = 60 * 60 * 1000;

const tokenRecord = recordKind<{ token: string }>("setup");
const ownerRecord = recordKind<Hint>("setup");

/** Any living account that is named here stays the owner, whatever becomes of its groups. */
const ownerClaim: Claim = {
  record: ownerRecord,
  name: "owner",
  refusal: "owner_exists",
  namedBy: () => true,
};

/** A fresh link's secret. Only its fingerprint is stored. */
export interface SetupToken {
  token: string;
  /** When it stops working, in milliseconds since the epoch: to show; the store's own clock decides. */
  expires: number;
}

export interface SetupLink {
  /** Whether the installation has an owner, disabled or not. */
  hasOwner(): Promise<boolean>;
  /** A new token; the one before it stops working. @throws `owner_exists` */
  issue(): Promise<SetupToken>;
  /** Whether a token would work now. Looking at a link does not use it up. */
  check(token: string): Promise<boolean>;
  /**
   * Makes the owner, a member of `administrators`.
   *
   * @throws `setup_link_invalid`, `owner_exists`, and what `Accounts.create` refuses; then the link still works.
   */
  createOwner(token: string, input: NewAccountInput): Promise<Account>;
}

/** The way to the first owner. */
export function setupLink(options: { store: Store; clock: Clock; accounts: Accounts }): SetupLink {
  const { store, clock, accounts } = options;
  const isNewest = async (token: string) => {
    const issued = await tokenRecord.read(store, "token");
    return issued?.value.token === fingerprint(token);
  };
  const hasOwner = async () => {
    const owner = await ownerRecord.read(store, "owner");
    return owner !== undefined && (await accounts.find(owner.value.account)) !== undefined;
  };
  return {
    hasOwner,
    async issue() {
      if (await hasOwner()) throw refuse("owner_exists");
      const token = randomText(32);
      const record = tokenRecord.encode({ token: fingerprint(token) });
      await store.write(tokenRecord.key("token"), record, { ttl: SETUP_LINK_TTL });
      return { token, expires: clock.now() + SETUP_LINK_TTL };
    },
    check: async (token) => (await isNewest(token)) && !(await hasOwner()),
    async createOwner(token, input) {
      if (!(await isNewest(token))) throw refuse("setup_link_invalid");
      const owner = { ...input, groups: [ADMINISTRATORS] };
      const account = await accounts.create(owner, { claims: [ownerClaim], event: "owner.created" });
      await forget(store);
      return account;
    },
  };
}

/** The owner exists, so the token is dead already; what is left of it expires if this fails. */
async function forget(store: Store): Promise<void> {
  try {
    await store.remove(tokenRecord.key("token"));
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
}
