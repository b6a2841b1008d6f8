import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Account, accountRecord } from "../../src/account/account.ts";
import { accounts } from "../../src/account/accounts.ts";
import { claim, claimsOf, credentialHint, handleClaim, usernameHint } from "../../src/account/directory.ts";
import { PENDING_PASSKEY_AGE } from "../../src/account/transitions.ts";
import { day } from "../../src/clock.ts";
import { refuse } from "../../src/errors.ts";
import type { Event } from "../../src/events.ts";
import { newVersion } from "../../src/store/record.ts";
import type { Key, Store } from "../../src/store/store.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { NOON, passkey } from "./samples.ts";

let unique = 0;
/** Names nobody else in this file has. */
const fresh = (what: string) => `${what}${unique++}`;
const person = <T extends object>(more?: T) => ({
  username: fresh("person"),
  passkey: passkey(fresh("credential")),
  ...more,
});
const refusal = (code: string) => expect.objectContaining({ code });
const codeOf = (error: { code: string }) => error.code;

/** The store, but this method does something else first. */
const meddled = (
  store: Store,
  method: "append" | "commit" | "remove",
  first: (key: Key) => Promise<void> | void,
): Store =>
  new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (name !== method) return typeof value === "function" ? value.bind(target) : value;
      return async (key: Key, ...rest: unknown[]) => {
        await first(key);
        return Reflect.apply(value, target, [key, ...rest]);
      };
    },
  });

describe.each(stores)("accounts on $name", ({ open }) => {
  let opened: OpenStore;
  let other: Store;
  const time = { at: NOON };
  const clock = { now: () => time.at };
  const told: Event[] = [];
  const here = (store = opened.store) => accounts({ store, clock, announce: (event) => told.push(event) });
  const logged = async () => {
    const events: Event[] = [];
    for await (const { event } of opened.store.tail(`audit:${day(time.at)}`)) events.push(event);
    return events;
  };

  beforeAll(async () => {
    opened = await open();
    other = await opened.reopen();
  });
  afterAll(() => opened.close());

  describe("creating", () => {
    it("gives an active account that is found by everything it is called", async () => {
      const handle = randomBytes(32).toString("base64url");
      const [email, credential] = [`${fresh("Jane")}@Example.com`, fresh("c")];
      const input = { handle, username: fresh("Jane"), name: " Jane ", email, emailVerified: true };
      const jane = await here().create({ ...input, groups: ["staff"], passkey: passkey(credential) });
      expect(jane).toMatchObject({
        id: handle,
        handle,
        state: "active",
        name: "Jane",
        email,
        groups: ["staff"],
      });
      for (const found of [
        await here().find(handle),
        await here().findByHandle(handle),
        await here().findByCredential(credential),
        await here().findByLogin(` ${input.username.toUpperCase()} `),
        await here(other).findByLogin(email.toUpperCase()),
      ]) {
        expect(found?.value).toEqual(jane);
      }
    });

    it("logs and announces the creation once", async () => {
      const jane = await here().create(person());
      const about = (event: Event) => event.account === jane.id;
      expect(told.filter(about)).toMatchObject([{ type: "account.created", subject: jane.passkeys[0]?.id }]);
      expect((await logged()).filter(about)).toEqual(told.filter(about));
    });

    it("finds no unverified address, and lets many have it", async () => {
      const email = `${fresh("shared")}@example.com`;
      await here().create(person({ email }));
      await here().create(person({ email }));
      expect(await here().findByLogin(email)).toBeUndefined();
      const owner = await here().create(person({ email, emailVerified: true }));
      expect((await here().findByLogin(email))?.value.id).toBe(owner.id);
    });

    it("SEC-57 refuses a chosen username that is taken, in whatever spelling", async () => {
      const username = fresh("jane");
      await here().create(person({ username }));
      for (const same of [username, username.toUpperCase(), username.replace("j", "ｊ")]) {
        await expect(here().create(person({ username: same }))).rejects.toThrow(refusal("username_taken"));
      }
      await expect(here().create(person({ username: `${username} ` }))).rejects.toThrow(
        refusal("username_invalid"),
      );
      await expect(here().create(person({ username: `${username}-2` }))).resolves.toBeDefined();
    });

    it("SEC-57 refuses a verified address that is taken, in whatever spelling", async () => {
      const email = `${fresh("jane")}@example.com`;
      await here().create(person({ email, emailVerified: true }));
      const again = person({ email: ` ${email.toUpperCase()} `, emailVerified: true });
      await expect(here().create(again)).rejects.toThrow(refusal("email_taken"));
    });

    it("SEC-25 refuses a credential that is registered, and leaves its owner alone", async () => {
      const first = await here().create(person());
      const copied = person({ passkey: passkey(first.passkeys[0]!.id, { publicKey: "stolen" }) });
      await expect(here().create(copied)).rejects.toThrow(refusal("credential_registered"));
      expect((await here().findByCredential(first.passkeys[0]!.id))?.value).toEqual(first);
      expect(await here().findByLogin(copied.username)).toBeUndefined();
    });

    it("leaves nothing behind when it is refused: the same name and handle work at once", async () => {
      const taken = (await here().create(person())).passkeys[0]!.id;
      const handle = randomBytes(32).toString("base64url");
      const input = person({ handle });
      await expect(here().create({ ...input, passkey: passkey(taken) })).rejects.toThrow();
      await expect.poll(() => opened.store.read(accountRecord.key(handle))).toBeUndefined();
      await expect(here().create(input)).resolves.toMatchObject({ id: handle, username: input.username });
    });

    it("refuses a handle that has an account", async () => {
      const { handle } = await here().create(person());
      await expect(here().create(person({ handle }))).rejects.toThrow(refusal("account_exists"));
    });

    it("refuses names that are none before it writes anything", async () => {
      const handle = randomBytes(32).toString("base64url");
      await expect(here().create(person({ handle, email: "nobody" }))).rejects.toThrow(
        refusal("email_invalid"),
      );
      await expect(here().create(person({ handle, name: "a\0" }))).rejects.toThrow(refusal("name_invalid"));
      await expect(here().create(person({ handle: "short" }))).rejects.toThrow(TypeError);
      expect(await opened.store.read(accountRecord.key(handle))).toBeUndefined();
    });

    it("derives a username from the address, the next one when it is taken", async () => {
      const local = fresh("ada");
      const named = async () =>
        (await here().create(person({ username: "", email: `${local}@example.com` }))).username;
      expect([await named(), await named(), await named()]).toEqual([local, `${local}-2`, `${local}-3`]);
    });

    it("still finds a username for the twentieth of one name", async () => {
      const email = `${fresh("crowd")}@example.com`;
      const crowd = Array.from({ length: 20 }, () => here().create(person({ username: undefined, email })));
      const names = (await Promise.all(crowd)).map(({ username }) => username);
      expect(new Set(names).size).toBe(20);
    });

    it("does not make an account whose pending document expired on the way", async () => {
      const handle = randomBytes(32).toString("base64url");
      let commits = 0;
      const slow = meddled(opened.store, "commit", async () => {
        // The third commit claims the username; time runs out just before.
        if (++commits === 3) await opened.store.remove(accountRecord.key(handle));
      });
      const input = person({ handle });
      await expect(here(slow).create(input)).rejects.toThrow(refusal("ceremony_expired"));
      expect(await here().find(handle)).toBeUndefined();
      await expect(here().create(person({ username: input.username }))).resolves.toBeDefined();
    });

    it("hides a pending account from everybody who wants to sign in", async () => {
      const input = { ...person(), handle: randomBytes(32).toString("base64url") };
      const credential = input.passkey.id;
      const seen: boolean[] = [];
      const watched = meddled(opened.store, "commit", async (key) => {
        if (key !== usernameHint.key(input.username)) return;
        for (const found of [
          await here().find(input.handle),
          await here().findByHandle(input.handle),
          await here().findByCredential(credential),
        ]) {
          seen.push(found !== undefined);
        }
      });
      await here(watched).create(input);
      // That somebody holds the credential is no secret to its holder: no signal may tell him to forget it.
      expect(seen).toEqual([false, false, true]);
      expect(await here().find(input.handle)).toBeDefined();
    });

    it("finds an account whose handle is not its id by a hint, as long as the account names it back", async () => {
      const made = await here().create(person());
      const foreign = {
        ...made,
        id: fresh("imported"),
        handle: fresh("handle"),
        username: fresh("imported"),
      };
      const how = () => ({ expect: "absent" as const, version: newVersion() });
      await opened.store.commit(accountRecord.key(foreign.id), accountRecord.encode(foreign), how());
      expect(await here().findByHandle(foreign.handle)).toBeUndefined();
      expect(claimsOf(foreign).map(({ record }) => record.kind)).toContain("handle");
      expect(await claim(opened.store, handleClaim(foreign.handle), foreign.id)).toBe(true);
      expect((await here().findByHandle(foreign.handle))?.value.id).toBe(foreign.id);
      expect(await here().findByHandle(foreign.id)).toBeUndefined();
      await opened.store.write(
        accountRecord.key(foreign.id),
        accountRecord.encode({ ...foreign, handle: "other" }),
      );
      expect(await here().findByHandle(foreign.handle)).toBeUndefined();
    });
  });

  describe("races", () => {
    const outcomes = async (racers: Promise<Account>[]) => {
      const settled = await Promise.allSettled(racers);
      const won = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
      const lost = settled.flatMap((one) => (one.status === "rejected" ? [codeOf(one.reason)] : []));
      return { won, lost: [...new Set(lost)] };
    };
    const twenty = (racer: (people: ReturnType<typeof here>, n: number) => Promise<Account>) =>
      Array.from({ length: 20 }, (_, n) => racer(here(n % 2 ? other : opened.store), n));

    it("twenty who choose one username give one account", async () => {
      const username = fresh("wanted");
      const { won, lost } = await outcomes(twenty((people) => people.create(person({ username }))));
      expect(won).toHaveLength(1);
      expect(lost).toEqual(["username_taken"]);
      expect((await here().findByLogin(username))?.value.id).toBe(won[0]?.id);
    });

    it("SEC-25 twenty who bring one credential give one account", async () => {
      const credential = fresh("credential");
      const bring = () => person({ passkey: passkey(credential) });
      const { won, lost } = await outcomes(twenty((people) => people.create(bring())));
      expect(won).toHaveLength(1);
      expect(lost).toEqual(["credential_registered"]);
      expect((await here().findByCredential(credential))?.value.id).toBe(won[0]?.id);
    });

    it("SEC-25 twenty accounts that add one credential give one passkey", async () => {
      const credential = fresh("credential");
      const ids = (await Promise.all(twenty((people) => people.create(person())))).map(({ id }) => id);
      const { won, lost } = await outcomes(
        twenty((people, n) => people.addPasskey(ids[n]!, passkey(credential))),
      );
      expect(won).toHaveLength(1);
      expect(lost).toEqual(["credential_registered"]);
      expect((await here().findByCredential(credential))?.value.id).toBe(won[0]?.id);
      const left = await Promise.all(ids.map(async (id) => (await here().find(id))?.value.passkeys.length));
      expect(left.sort()).toEqual([...Array(19).fill(1), 2]);
    });

    it("SEC-37 passkeys added at once stop at twenty", async () => {
      const { id } = await here().create(person());
      for (let n = 1; n < 18; n++) await here().addPasskey(id, passkey(fresh("c")));
      const six = Array.from({ length: 6 }, () => here().addPasskey(id, passkey(fresh("c"))));
      const { won, lost } = await outcomes(six);
      expect(won).toHaveLength(2);
      expect(lost).toEqual(["passkey_limit"]);
      expect((await here().find(id))?.value.passkeys.filter(({ state }) => state === "active")).toHaveLength(
        20,
      );
    });

    it("SEC-41 of two passkeys removed at once, exactly one stays", async () => {
      for (let round = 0; round < 5; round++) {
        const { id, passkeys } = await here().create(person());
        const [one, two] = [passkeys[0]!.id, fresh("second")];
        await here().addPasskey(id, passkey(two));
        const { won, lost } = await outcomes([
          here().removePasskey(id, one),
          here(other).removePasskey(id, two),
        ]);
        expect(won).toHaveLength(1);
        expect(lost).toEqual(["last_way_in"]);
      }
    });
  });

  describe("passkeys", () => {
    it("are added, renamed and removed, each with its event", async () => {
      const { id } = await here().create(person());
      const added = fresh("added");
      await here().addPasskey(id, passkey(added));
      expect((await here().findByCredential(added))?.value.id).toBe(id);
      await here().renamePasskey(id, added, "Blue");
      const left = await here().removePasskey(id, added);
      expect(left.passkeys).toHaveLength(1);
      expect(await here().findByCredential(added)).toBeUndefined();
      const types = ["account.created", "passkey.registered", "passkey.renamed", "passkey.removed"];
      expect((await logged()).filter((event) => event.account === id).map(({ type }) => type)).toEqual(types);
    });

    it("can be registered elsewhere once they are removed", async () => {
      const { id, passkeys } = await here().create(person());
      await here().addPasskey(id, passkey(fresh("kept")));
      await here().removePasskey(id, passkeys[0]!.id);
      const next = await here().create(person({ passkey: passkey(passkeys[0]!.id) }));
      expect((await here().findByCredential(passkeys[0]!.id))?.value.id).toBe(next.id);
    });

    it("are refused to an account that does not exist", async () => {
      await expect(here().addPasskey("nobody", passkey(fresh("c")))).rejects.toThrow(
        refusal("account_unknown"),
      );
      await expect(here().disable("nobody")).rejects.toThrow(refusal("account_unknown"));
    });

    it("stay removed when their hint could not be taken away", async () => {
      const { id, passkeys } = await here().create(person());
      await here().addPasskey(id, passkey(fresh("kept")));
      const gone = passkeys[0]!.id;
      const faulty = meddled(opened.store, "commit", (key) => {
        if (key === credentialHint.key(gone)) throw refuse("store_unavailable");
      });
      await here(faulty).removePasskey(id, gone);
      expect(await here().findByCredential(gone)).toBeUndefined();
      await expect(here().create(person({ passkey: passkey(gone) }))).resolves.toBeDefined();
    });
  });

  describe("remembering a sign-in", () => {
    it("keeps the largest counter of sign-ins at one moment", async () => {
      const { id, passkeys } = await here().create(person());
      const stored = (await here().find(id))!;
      const uses = [3, 9, 1, 7].map((counter) =>
        here().recordUse(stored, passkeys[0]!.id, { counter, backedUp: true }),
      );
      await Promise.all(uses);
      expect((await here().find(id))?.value.passkeys[0]).toMatchObject({ counter: 9, lastUsed: day(NOON) });
    });

    it("does not touch the store when there is nothing to remember", async () => {
      const { id, passkeys } = await here().create(person());
      const use = { counter: 0, backedUp: true };
      await here().recordUse((await here().find(id))!, passkeys[0]!.id, use);
      const stored = (await here().find(id))!;
      const none = new Proxy({} as Store, { get: () => expect.unreachable("a store call") });
      await accounts({ store: none, clock }).recordUse(stored, passkeys[0]!.id, use);
    });

    it("does not fail the sign-in when the store is away, or the account gone", async () => {
      const { id, passkeys } = await here().create(person());
      const stored = (await here().find(id))!;
      const away = meddled(opened.store, "commit", () => {
        throw refuse("store_unavailable");
      });
      const use = { counter: 5, backedUp: true };
      await expect(here(away).recordUse(stored, passkeys[0]!.id, use)).resolves.toBeUndefined();
      await opened.store.remove(accountRecord.key(id));
      await expect(here().recordUse(stored, passkeys[0]!.id, use)).resolves.toBeUndefined();
      expect(await here().find(id)).toBeUndefined();
    });
  });

  describe("events", () => {
    const ofAccount = async (id: string) => (await logged()).filter((event) => event.account === id);

    it("wait in the document while the log is away, and reach it with the next write, once", async () => {
      const { id, passkeys } = await here().create(person());
      const away = meddled(opened.store, "append", () => {
        throw refuse("store_unavailable");
      });
      await here(away).disable(id).catch(codeOf);
      // The event of the creation waits already, so the log must answer before anything else is written.
      expect((await here().find(id))?.value.state).toBe("active");
      const once = { left: 1 };
      const late = meddled(opened.store, "append", () => {
        if (once.left-- <= 0) throw refuse("store_unavailable");
      });
      await here(late).disable(id);
      expect((await ofAccount(id)).map(({ type }) => type)).toEqual(["account.created"]);
      await here().enable(id);
      await here().renamePasskey(id, passkeys[0]!.id, "Blue");
      const types = ["account.created", "account.disabled", "account.enabled", "passkey.renamed"];
      expect((await ofAccount(id)).map(({ type }) => type)).toEqual(types);
      expect((await here().find(id))?.value.outbox).toHaveLength(1);
    });

    it("are told to nobody when the change was refused", async () => {
      const { id, passkeys } = await here().create(person());
      const before = told.length;
      await expect(here().removePasskey(id, passkeys[0]!.id)).rejects.toThrow(refusal("last_way_in"));
      expect(told).toHaveLength(before);
      expect(await ofAccount(id)).toHaveLength(1);
    });
  });

  describe("sweeping", () => {
    it("takes away dead hints, dead pending passkeys and waiting events, and nothing else", async () => {
      const { id, username, passkeys } = await here().create(person());
      const dead = usernameHint.key(fresh("dead"));
      const hint = usernameHint.encode({ account: "nobody" });
      await opened.store.commit(dead, hint, { expect: "absent", version: newVersion() });
      const stored = (await here().find(id))!;
      const stale = passkey(fresh("stale"), { created: NOON - PENDING_PASSKEY_AGE - 1 });
      const left = { ...stored.value, passkeys: [...passkeys, stale, passkey(fresh("under way"))] };
      const how = { expect: stored.version, version: newVersion() };
      await opened.store.commit(accountRecord.key(id), accountRecord.encode(left), how);
      expect(await here().sweep()).toBeGreaterThanOrEqual(2);
      await expect.poll(() => opened.store.read(dead)).toBeUndefined();
      const tidy = (await here().findByLogin(username))!.value;
      expect(tidy.passkeys).toHaveLength(2);
      expect(tidy.outbox).toEqual([]);
      expect((await here().findByCredential(passkeys[0]!.id))?.value.id).toBe(id);
      expect(await here().sweep()).toBe(0);
    });

    it("does not make a pending account permanent", async () => {
      const left = { ...(await here().create(person())), id: fresh("pending"), state: "pending" as const };
      const key = accountRecord.key(left.id);
      const how = { expect: "absent" as const, version: newVersion(), ttl: 500 };
      await opened.store.commit(key, accountRecord.encode({ ...left, outbox: [] }), how);
      await here().sweep();
      await expect.poll(() => opened.store.read(key), { timeout: 5000 }).toBeUndefined();
    });
  });

  it("lists every account once, except those that are pending", async () => {
    const made = await Promise.all(Array.from({ length: 5 }, () => here().create(person())));
    const pending = { ...made[0]!, id: fresh("pending"), state: "pending" as const };
    const how = { expect: "absent" as const, version: newVersion(), ttl: 60_000 };
    await opened.store.commit(accountRecord.key(pending.id), accountRecord.encode(pending), how);
    const listed: string[] = [];
    for await (const { id } of here().list()) listed.push(id);
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed).toEqual(expect.arrayContaining(made.map(({ id }) => id)));
    expect(listed).not.toContain(pending.id);
  });

  it.each(["", "\0", "a".repeat(5000), "*", "\ud800", "x\ny", "../../x", "nobody", "nobody@example.com"])(
    "finds nobody for %j, and does not stumble",
    async (text) => {
      const people = here();
      for (const find of [people.find, people.findByHandle, people.findByLogin, people.findByCredential]) {
        expect(await find(text)).toBeUndefined();
      }
    },
  );
});
