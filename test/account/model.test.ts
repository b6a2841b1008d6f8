/** The order in which names are claimed, walked through in every interleaving, with deaths and expiries. */
import { describe, expect, it } from "vitest";
import { ADMINISTRATORS, accountRecord } from "../../src/account/account.ts";
import { usernameHint } from "../../src/account/directory.ts";
import { setupLink } from "../../src/account/setup.ts";
import { newVersion } from "../../src/store/record.ts";
import type { Key, Store } from "../../src/store/store.ts";
import {
  activeAccounts,
  clock,
  finishedIsFound,
  namesAreUnique,
  nothingIsBlocked,
  people,
} from "./invariants.ts";
import { explore, type Walk } from "./model.ts";
import type { Actor, Scenario, State } from "./run.ts";
import { account, handle, passkey } from "./samples.ts";

interface Names {
  username?: string;
  email?: string;
  credential?: string;
  handle?: string;
}

/** Somebody who creates an account. */
const create =
  (who: string, names: Names = {}): Actor =>
  (store) =>
    people(store).create({
      handle: handle(names.handle ?? who),
      username: names.username,
      email: names.email ?? "jane@example.com",
      emailVerified: names.email !== undefined,
      passkey: passkey(names.credential ?? `credential-${who}`),
    });

const walk = (
  scenario: Scenario,
  names: { usernames?: string[]; credentials?: string[] } = {},
): Promise<Walk> =>
  explore(scenario, async (state) => {
    namesAreUnique(state);
    await finishedIsFound(state);
    await nothingIsBlocked(state, names);
  });

/** How the runs in which nothing expired came out. */
const undisturbed = ({ ends }: Walk) => [...ends].filter((end) => !end.endsWith("(after an expiry)")).sort();

describe("in every order of their steps", { timeout: 120_000 }, () => {
  it("two who choose one username give one account, and somebody always gets it", async () => {
    const actors = { a: create("a", { username: "jane" }), b: create("b", { username: "jane" }) };
    const walked = await walk({ actors }, { usernames: ["jane"] });
    expect(undisturbed(walked)).toEqual(["a: done, b: username_taken", "a: username_taken, b: done"]);
    expect(walked.ends).toContain("a: ceremony_expired, b: done (after an expiry)");
  });

  it("three who choose one username give one account", async () => {
    const jane = { username: "jane" };
    const actors = { a: create("a", jane), b: create("b", jane), c: create("c", jane) };
    const walked = await walk({ actors, alike: ["a", "b", "c"] }, { usernames: ["jane"] });
    expect(undisturbed(walked)).toHaveLength(3);
    expect(walked.states).toBeGreaterThan(1000);
  });

  it("two who bring one credential give one account", async () => {
    const one = { credential: "one" };
    const actors = {
      a: create("a", { ...one, username: "jane" }),
      b: create("b", { ...one, username: "bob" }),
    };
    const walked = await walk({ actors }, { usernames: ["jane", "bob"], credentials: ["one"] });
    expect(undisturbed(walked)).toEqual([
      "a: credential_registered, b: done",
      "a: done, b: credential_registered",
    ]);
  });

  it("two with one credential, one verified address and one username give one account", async () => {
    const same = { credential: "one", email: "jane@example.com", username: "jane" };
    const walked = await walk(
      { actors: { a: create("a", same), b: create("b", same) } },
      { usernames: ["jane"] },
    );
    expect(undisturbed(walked)).toEqual([
      "a: credential_registered, b: done",
      "a: done, b: credential_registered",
    ]);
  });

  it("two whose usernames are derived from one address both get an account", async () => {
    const walked = await walk(
      { actors: { a: create("a"), b: create("b") } },
      { usernames: ["jane", "jane-2"] },
    );
    expect(undisturbed(walked)).toEqual(["a: done, b: done"]);
  });

  it("one who begins again with the same user handle never meets his former self", async () => {
    const jane = { username: "jane" };
    const actors = {
      a: create("a", jane),
      again: create("again", { ...jane, handle: "a" }),
      b: create("b", jane),
    };
    await walk({ actors, alike: ["a", "again"] }, { usernames: ["jane"] });
  });

  it("a passkey that is removed, registered elsewhere and added again has one account", async () => {
    const before = async (store: Store) => {
      const jane = await people(store).create({
        handle: handle("jane"),
        username: "jane",
        passkey: passkey("kept"),
      });
      await people(store).addPasskey(jane.id, passkey("moved"));
    };
    const actors = {
      remove: async (store: Store) => void (await people(store).removePasskey(handle("jane"), "moved")),
      add: async (store: Store) => void (await people(store).addPasskey(handle("jane"), passkey("moved"))),
      b: create("b", { username: "bob", credential: "moved" }),
    };
    const walked = await walk({ before, actors }, { credentials: ["moved", "kept"] });
    expect(undisturbed(walked)).toContain("remove: done, add: credential_registered, b: done");
    expect(undisturbed(walked)).toContain("remove: done, add: done, b: credential_registered");
  });

  it("the sweeper takes nothing from those who are under way", async () => {
    const sweep = async (store: Store) => void (await people(store).sweep());
    const before = async (store: Store) => {
      const hint = usernameHint.encode({ account: "nobody" });
      await store.commit(usernameHint.key("jane"), hint, { expect: "absent", version: newVersion() });
    };
    const actors = { sweep, a: create("a", { username: "jane" }) };
    const walked = await walk({ before, actors }, { usernames: ["jane"] });
    expect(undisturbed(walked)).toEqual(["sweep: done, a: done"]);
  });

  it("SEC-106 SEC-134 two with one setup link give one owner, and the other's account never becomes active", async () => {
    let token = "";
    const link = (store: Store) => setupLink({ store, clock, accounts: people(store) });
    const before = async (store: Store) => {
      token = (await link(store).issue()).token;
    };
    const own = (who: string) => (store: Store) =>
      link(store).createOwner(token, {
        handle: handle(who),
        username: `name-${who}`,
        passkey: passkey(`credential-${who}`),
      });
    const oneOwner = async (state: State) => {
      namesAreUnique(state);
      await finishedIsFound(state);
      const owners = activeAccounts(state.cells).filter(({ groups }) => groups.includes(ADMINISTRATORS));
      if (owners.length > 1) throw new Error(`two owners: ${state.path.join(", ")}`);
    };
    const walked = await explore({ before, actors: { a: own("a"), b: own("b") } }, oneOwner);
    const owners = undisturbed(walked).map((end) => end.match(/done/g)?.length);
    expect(new Set(owners)).toEqual(new Set([1]));
  });
});

describe("the same checker finds", { timeout: 120_000 }, () => {
  const jane = { username: "jane" };
  const race = (broken: (store: Store) => Store, ...actors: Actor[]) =>
    walk({
      actors: Object.fromEntries(actors.map((actor, n) => [`${n}`, (store: Store) => actor(broken(store))])),
    });

  /** Which of the two comes first depends on the order of the walk: a lost hint is how a name gets two owners. */
  const TWO_OR_LOST = /two active accounts with username:jane|a finished account is not found/;
  const hints = /^(username|email|credential|handle):/;
  const withCommit = (store: Store, commit: Store["commit"]): Store => ({ ...store, commit });

  it("an index that is reserved with an expiry before the document is there", async () => {
    const indexFirst =
      (who: string): Actor =>
      async (store) => {
        const hint = usernameHint.encode({ account: handle(who) });
        const version = newVersion();
        const reserved = await store.commit(usernameHint.key("jane"), hint, {
          expect: "absent",
          version,
          ttl: 1000,
        });
        if (!reserved) return;
        const document = accountRecord.encode(
          account({ id: handle(who), handle: handle(who), passkeys: [] }),
        );
        await store.commit(accountRecord.key(handle(who)), document, {
          expect: "absent",
          version: newVersion(),
        });
        await store.commit(usernameHint.key("jane"), hint, { expect: version, version: newVersion() });
      };
    const walked = walk({ actors: { a: indexFirst("a"), b: indexFirst("b") } });
    await expect(walked).rejects.toThrow("two active accounts with username:jane");
  });

  it("a commit that does not look at the version", async () => {
    const careless = (store: Store) =>
      withCommit(store, async (key, value, options) => {
        const stands = (await store.read(key))?.version ?? "absent";
        return store.commit(key, value, { ...options, expect: stands });
      });
    const walked = race(careless, create("a", jane), create("b", jane));
    await expect(walked).rejects.toThrow(TWO_OR_LOST);
  });

  it("a claim that expires", async () => {
    const fading = (store: Store) =>
      withCommit(store, (key, value, options) =>
        store.commit(key, value, hints.test(key) ? { ...options, ttl: 1000 } : options),
      );
    await expect(race(fading, create("a", jane))).rejects.toThrow("a finished account is not found");
  });

  it("a claim that takes its own old hint for granted", async () => {
    const trusting = (store: Store) => {
      const seen = new Map<Key, unknown>();
      const read: Store["read"] = async (key) => {
        const found = await store.read(key);
        seen.set(key, found?.value);
        return found as never;
      };
      const commit: Store["commit"] = async (key, value, options) => {
        const same = hints.test(key) && JSON.stringify(seen.get(key)) === JSON.stringify(value);
        return same || store.commit(key, value, options);
      };
      return { ...store, read, commit };
    };
    const again = create("again", { ...jane, handle: "a" });
    const walked = race(trusting, create("a", jane), again, create("b", jane));
    await expect(walked).rejects.toThrow(TWO_OR_LOST);
  });

  it("a hint that is removed without a look at who holds it by now", async () => {
    const before = async (store: Store) => {
      const owner = await people(store).create({ handle: handle("jane"), ...jane, passkey: passkey("kept") });
      await people(store).addPasskey(owner.id, passkey("moved"));
    };
    const blunt: Actor = async (store) => {
      const forget = (key: Key) => store.remove(key).then(() => true);
      const broken = withCommit(store, (key, value, options) =>
        options.ttl !== undefined && hints.test(key) ? forget(key) : store.commit(key, value, options),
      );
      await people(broken).removePasskey(handle("jane"), "moved");
    };
    const walked = walk({
      before,
      actors: { blunt, b: create("b", { username: "bob", credential: "moved" }) },
    });
    await expect(walked).rejects.toThrow("a finished account is not found");
  });

  it("a name that a dead creation keeps for ever", async () => {
    const lasting = (store: Store) =>
      withCommit(store, (key, value, { ttl: _, ...options }) => store.commit(key, value, options));
    const actors = { a: (store: Store) => create("a", jane)(lasting(store)) };
    await expect(walk({ actors }, { usernames: ["jane"] })).rejects.toThrow("is blocked for ever");
  });
});
