/**
 * Passwords in a host's users table: the same face as our own. Our document is the authority: from the moment it says
 * that a password is closed, the host is not asked about it any more, whatever it has erased by then.
 */
import type { Account } from "../account/account.ts";
import { accountRecord } from "../account/account.ts";
import type { Accounts } from "../account/accounts.ts";
import type { LegacyPasswords } from "../account/legacy.ts";
import { hasOpenPassword } from "../account/password-way.ts";
import { refuse } from "../errors.ts";
import { addressBucket, type Rate, rateLimit } from "../store/rate.ts";
import type { Store, Stored } from "../store/store.ts";
import type { Drops } from "./drops.ts";
import type { HostPasswords } from "./options.ts";
import { type HostPace, hostPace } from "./pace.ts";

export interface HostPasswordOptions {
  store: Store;
  accounts: Accounts;
  host: HostPasswords;
  drops: Drops;
  guesses: { perAccount: Rate; perAddress: Rate };
  /** A keyed hash: what people typed is not at rest. */
  hash(text: string): string;
}

/** Longer input is nobody's password. */
const LONGEST = { login: 1024, password: 4096 };

export function hostPasswords(options: HostPasswordOptions): LegacyPasswords {
  const { store, drops } = options;
  const admit = admission(options);
  const pace = hostPace();
  const judge = judgement(options, pace);
  return {
    available: async () => true,
    async verify(login, password, address) {
      await admit(login, address);
      const started = performance.now();
      const account = await judge(login, password);
      if (account) return account;
      const left = pace.left(performance.now() - started);
      await new Promise((resolve) => setTimeout(resolve, left));
      throw refuse("authentication_failed");
    },
    async forget(accountId) {
      const found = await accountRecord.read(store, accountId);
      if (found?.value.password?.state === "open")
        throw new TypeError("a password is dropped after its account says that it is closed");
      await drops.drop(accountId);
    },
  };
}

/** The account behind a name and its password, or nothing. */
function judgement({ store, accounts, host, guesses }: HostPasswordOptions, pace: HostPace) {
  const ownGuesses = rateLimit(store, "password:id", guesses.perAccount);
  // Loaded with the first password: who has none left does without.
  const turn = import("../password/gate.ts").then(({ gate }) => gate());
  turn.catch(() => {});
  return async (login: string, password: string): Promise<Stored<Account> | undefined> => {
    if (login.length > LONGEST.login || Buffer.byteLength(password) > LONGEST.password) return undefined;
    const id = await host.findByLogin(login);
    if (id === undefined || !(await ownGuesses(id))) return undefined;
    const before = await accountRecord.read(store, id);
    if (before && !hasOpenPassword(before.value)) return undefined;
    const right = await (await turn).run(async () => {
      const started = performance.now();
      const answer = await host.verifyPassword(id, password);
      pace.saw(performance.now() - started);
      return answer;
    });
    // Only a plain yes is one: a host that forgot to await something hands over an object.
    if (right !== true) return undefined;
    // What was true before the work may not be true any more (SEC-138); this also makes the document of a newcomer.
    const after = await accounts.find(id);
    return after && hasOpenPassword(after.value) ? after : undefined;
  };
}

/** Counts a guess before anything is looked up. @throws `too_many_requests` */
function admission({ store, guesses, hash }: HostPasswordOptions) {
  const ofAccount = rateLimit(store, "password:login", guesses.perAccount);
  const ofAddress = rateLimit(store, "password:address", guesses.perAddress);
  return async (login: string, address: string): Promise<void> => {
    const spelled = hash(login.trim().normalize("NFKC").toLowerCase());
    const [kept, { window }] = (await ofAddress(addressBucket(address)))
      ? [await ofAccount(spelled), guesses.perAccount]
      : [false, guesses.perAddress];
    if (!kept) throw refuse("too_many_requests", { members: { retry_after: Math.ceil(window / 1000) } });
  };
}
