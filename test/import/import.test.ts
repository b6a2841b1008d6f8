/** Accounts that an import brings, on both stores. */
import { describe, expect, it } from "vitest";
import { accounts } from "../../src/account/accounts.ts";
import { changeImported } from "../../src/account/imported.ts";
import { readPasswordState } from "../../src/account/password-state.ts";
import { readInputs } from "../../src/import/format.ts";
import type { Hashes } from "../../src/import/hashes.ts";
import { type Counts, importAll } from "../../src/import/run.ts";
import { intake } from "../../src/password/intake.ts";
import { legacyPasswords } from "../../src/password/legacy.ts";
import { readVerifier } from "../../src/password/verifiers.ts";
import { fresh } from "../account/people.ts";
import { passkey } from "../account/samples.ts";
import { HASHES, place, RIGHT, withPassword } from "../password/place.ts";
import { stores } from "../support/stores.ts";

const MOST = { memory: 64, time: 1000 };
const many = { perAccount: { count: 1000, window: 60_000 }, perAddress: { count: 1000, window: 60_000 } };
const NONE = { read: 0, created: 0, updated: 0, unchanged: 0, refused: 0 };

describe.each(stores)("an import into $name", ({ open }) => {
  const at = place(open);
  const people = () => accounts(at.safe());

  async function bring(rows: object[], more: { hashes?: Hashes; dryRun?: boolean } = {}) {
    const refused: [number, string][] = [];
    async function* bytes() {
      for (const row of rows) yield Buffer.from(`${JSON.stringify(row)}\n`);
    }
    const options = { ...at.safe(), hashes: intake(at.safe(), MOST), ...more };
    const counts = await importAll(options, readInputs(bytes(), "jsonl"), {
      refused: ({ line }, { code }) => refused.push([line, code]),
      progress() {},
    });
    return { counts, refused };
  }
  const only = (counts: Partial<Counts>) => ({ ...NONE, ...counts });
  const signsIn = async (login: string, password = RIGHT) => {
    const { verify } = legacyPasswords({ ...at.safe(), guesses: many });
    return verify(login, password, "10.9.9.9").then(
      ({ value }) => value.id,
      () => undefined,
    );
  };

  it("makes accounts that sign in with the password they had, and keeps their sub", async () => {
    const [jane, email] = [fresh("jane"), `${fresh("joe")}@example.com`];
    const sub = fresh("auth0|");
    const rows = [
      { username: jane, name: "Jane", groups: ["staff"], password_hash: HASHES.bcrypt, sub },
      { email, email_verified: true, password_hash: HASHES.slower },
    ];
    expect((await bring(rows)).counts).toEqual(only({ read: 2, created: 2 }));
    expect(await signsIn(jane)).toBe(sub);
    expect(await signsIn(email)).toMatch(/^[\w-]{43}$/);
    expect((await people().find(sub))?.value).toMatchObject({
      id: sub,
      username: jane,
      groups: ["staff"],
      state: "active",
      imported: true,
      password: { state: "open" },
      passkeys: [],
    });
    const { value } = (await people().find(sub))!;
    expect(value.handle).not.toBe(sub);
    expect((await people().findByHandle(value.handle))?.value.id).toBe(sub);
    expect((await readPasswordState(at.store)).slowest).toBe("bcrypt:8");
  });

  it("of which two run at once makes each account once, and refuses none of them", async () => {
    const rows = Array.from({ length: 60 }, () => {
      const username = fresh("twin");
      return {
        username,
        email: `${username}@example.com`,
        email_verified: true,
        password_hash: HASHES.bcrypt,
      };
    });
    const both = await Promise.all([bring(rows), bring(rows)]);
    expect(both.flatMap(({ refused }) => refused)).toEqual([]);
    const sum = (name: keyof Counts) => both.reduce((all, { counts }) => all + counts[name], 0);
    expect([sum("created"), sum("updated") + sum("unchanged")]).toEqual([60, 60]);
    expect(await signsIn(rows[7]?.username ?? "")).toBeDefined();
  });

  it("repeated it changes nothing, and what the file changed it updates", async () => {
    const row = { username: fresh("jane"), name: "Jane", groups: ["a"], password_hash: HASHES.bcrypt };
    await bring([row]);
    expect((await bring([row])).counts).toEqual(only({ read: 1, unchanged: 1 }));
    const next = { ...row, name: "Jane D.", groups: ["b"], password_hash: HASHES.slower };
    expect((await bring([next])).counts).toEqual(only({ read: 1, updated: 1 }));
    expect((await bring([next])).counts).toEqual(only({ read: 1, unchanged: 1 }));
    const found = await people().findByLogin(row.username);
    expect(found?.value).toMatchObject({ name: "Jane D.", groups: ["b"] });
    expect(await signsIn(row.username)).toBe(found?.value.id);
  });

  it("with a sub, names may move; the old ones are free then", async () => {
    const row = {
      sub: fresh("s"),
      username: fresh("before"),
      email: `${fresh("b")}@x.de`,
      email_verified: true,
    };
    await bring([row]);
    const next = { ...row, username: fresh("after"), email: `${fresh("a")}@x.de` };
    expect((await bring([next])).counts).toEqual(only({ read: 1, updated: 1 }));
    expect((await people().findByLogin(next.username))?.value.id).toBe(row.sub);
    expect((await people().findByLogin(next.email))?.value.id).toBe(row.sub);
    expect(await people().findByLogin(row.username)).toBeUndefined();
    expect((await bring([{ username: row.username, sub: fresh("s") }])).counts).toEqual(
      only({ read: 1, created: 1 }),
    );
    expect((await bring([{ email: row.email, email_verified: true }])).counts.created).toBe(1);
    const taken = { ...next, username: row.username };
    expect((await bring([taken])).refused).toEqual([[1, "account_exists"]]);
  });

  it("a name that somebody takes meanwhile is given back", async () => {
    const row = { sub: fresh("s"), username: fresh("mine") };
    await bring([row]);
    const { username } = await people().create({ username: fresh("theirs"), passkey: passkey(fresh("c")) });
    const { updateImported } = await import("../../src/account/imported.ts");
    const { value } = (await people().find(row.sub))!;
    await expect(updateImported(at.safe(), value, { username, emailVerified: false })).rejects.toMatchObject({
      code: "username_taken",
    });
    expect((await people().find(row.sub))?.value.username).toBe(row.username);
    expect((await people().findByLogin(row.username))?.value.id).toBe(row.sub);
  });

  it("SEC-132 never touches an account that it did not make, by whatever name", async () => {
    const [username, email] = [fresh("early"), `${fresh("early")}@example.com`];
    const early = await people().create({
      username,
      email,
      emailVerified: true,
      passkey: passkey(fresh("c")),
    });
    const before = await people().find(early.id);
    const hash = { password_hash: HASHES.bcrypt };
    const { counts, refused } = await bring([
      { username, ...hash },
      { email, email_verified: true, ...hash },
      { sub: early.id, ...hash },
      { sub: fresh("s"), username, ...hash },
    ]);
    expect(counts).toEqual(only({ read: 4, refused: 4 }));
    expect(refused.map(([, code]) => code)).toEqual(Array(4).fill("account_exists"));
    expect(await people().find(early.id)).toEqual(before);
    expect(await readVerifier(at.store, early.id)).toBeUndefined();
  });

  it("a sub never moves to other names' accounts, and names never to another sub", async () => {
    const [one, two] = [
      { sub: fresh("s"), username: fresh("one") },
      { sub: fresh("s"), username: fresh("two") },
    ];
    await bring([one, two]);
    const { refused } = await bring([
      { sub: one.sub, username: two.username },
      { sub: fresh("s"), username: one.username },
    ]);
    expect(refused.map(([, code]) => code)).toEqual(["account_exists", "account_exists"]);
  });

  it("a username that was derived from an address is not taken for somebody who is called so", async () => {
    const name = fresh("kim");
    const derived = { email: `${name}@a.example`, email_verified: true, password_hash: HASHES.bcrypt };
    await bring([derived]);
    const other = {
      username: name,
      email: `${name}@b.example`,
      email_verified: true,
      password_hash: HASHES.slower,
    };
    expect((await bring([other])).refused).toEqual([[1, "account_exists"]]);
    expect((await people().findByLogin(derived.email))?.value.username).toBe(name);
  });

  it("SEC-44 a hash for an account that left its password behind is refused, and nothing of the row is taken", async () => {
    const row = { username: fresh("done"), name: "Before", password_hash: HASHES.bcrypt };
    await bring([row]);
    const { id } = (await people().findByLogin(row.username))!.value;
    await people().dropPassword(id);
    await legacyPasswords({ ...at.safe(), guesses: many }).forget(id);
    const { counts, refused } = await bring([{ ...row, name: "After" }]);
    expect([counts.refused, refused]).toEqual([1, [[1, "password_closed"]]]);
    expect((await people().find(id))?.value).toMatchObject({ name: "Before", password: { state: "closed" } });
    expect(await readVerifier(at.store, id)).toBeUndefined();
    const { password_hash: _, ...without } = row;
    expect((await bring([without])).counts).toEqual(only({ read: 1, unchanged: 1 }));
  });

  it("a password comes later to an account that has no way in yet, not to one that has a passkey", async () => {
    const [later, taken] = [{ username: fresh("later") }, { username: fresh("taken") }];
    await bring([later, taken]);
    const { id } = (await people().findByLogin(taken.username))!.value;
    await people().addPasskey(id, passkey(fresh("c")));
    const hash = { password_hash: HASHES.bcrypt };
    const { counts, refused } = await bring([
      { ...later, ...hash },
      { ...taken, ...hash },
    ]);
    expect([counts.updated, refused]).toEqual([1, [[2, "password_closed"]]]);
    expect(await signsIn(later.username)).toBeDefined();
  });

  it("a verifier that a crash left out comes with the next run", async () => {
    const row = { username: fresh("crash"), password_hash: HASHES.bcrypt };
    await bring([row]);
    const { id } = (await people().findByLogin(row.username))!.value;
    await at.store.remove(`password:${id}`);
    expect((await bring([row])).counts).toEqual(only({ read: 1, updated: 1 }));
    expect(await signsIn(row.username)).toBe(id);
  });

  it("what a killed run had begun does not stand in the way of the next one", async () => {
    const { createImported } = await import("../../src/account/create.ts");
    const [sub, username] = [fresh("s"), fresh("halfway")];
    const email = `${fresh("half")}@example.com`;
    /** Begins an account and dies before it is finished. */
    const die = (input: object) =>
      new Promise<void>((resolve) => {
        void createImported(at.safe(), { password: true, ...input }, () => {
          resolve();
          return new Promise(() => {});
        });
      });
    await die({ sub, username });
    await die({ email, emailVerified: true });
    const rows = [
      { sub, username, password_hash: HASHES.bcrypt },
      { email, email_verified: true, password_hash: HASHES.bcrypt },
    ];
    expect(await bring(rows)).toEqual({ counts: only({ read: 2, created: 2 }), refused: [] });
    expect(await signsIn(username)).toBe(sub);
    expect(await signsIn(email)).toBeDefined();
  });

  it("lines about one account take effect one after the other", async () => {
    const username = fresh("twice");
    const rows = Array.from({ length: 20 }, (_, n) => ({ username, name: `Name ${n}` }));
    expect((await bring(rows)).counts).toEqual(only({ read: 20, created: 1, updated: 19 }));
    expect((await people().findByLogin(username))?.value.name).toBe("Name 19");
    const [email, base] = [fresh("x"), fresh("y")];
    const { counts, refused } = await bring([
      { email: `${base}@a.de`, email_verified: true },
      { email: `${base}@b.de`, email_verified: true },
      { username: base, email: `${email}@b.de`, email_verified: true },
    ]);
    expect([counts.created, refused]).toEqual([2, [[3, "account_exists"]]]);
  });

  it("SEC-136 a costly hash, and one that nobody can verify, are refused with their reasons", async () => {
    const { refused } = await bring([
      { username: fresh("a"), password_hash: "$2b$31$abcdefghijklmnopqrstuuFmEfrkTQnczNzw475xE2VhDrK1uwJiC" },
      { username: fresh("b"), password_hash: "plain" },
      { username: fresh("c"), password_hash: { credentialData: "{}", secretData: "{}" } },
    ]);
    expect(refused).toEqual([
      [1, "hash_too_costly"],
      [2, "hash_unsupported"],
      [3, "hash_unsupported"],
    ]);
  });

  it("a dry run says what would happen and writes nothing", async () => {
    const known = { username: fresh("known"), password_hash: HASHES.bcrypt };
    await bring([known]);
    const fresh1 = fresh("new");
    const rows = [
      known,
      { ...known, name: "New" },
      { username: fresh1, password_hash: HASHES.bcrypt },
      { name: "x" },
    ];
    const { counts, refused } = await bring(rows, { dryRun: true });
    expect(counts).toEqual({ read: 4, created: 1, updated: 1, unchanged: 1, refused: 1 });
    expect(refused).toEqual([[4, "row_invalid"]]);
    expect(await people().findByLogin(fresh1)).toBeUndefined();
    expect((await people().findByLogin(known.username))?.value.name).toBeUndefined();
  });

  it("a disabled account is made disabled, and stays so", async () => {
    const made = await withPassword(at.safe(), HASHES.bcrypt, { disabled: true });
    expect((await people().find(made.id))?.value.state).toBe("disabled");
    expect(await signsIn(made.username)).toBeUndefined();
  });

  it("who administers is not the file's to say", async () => {
    const row = { username: fresh("admin"), groups: ["staff"] };
    await bring([row]);
    const { id } = (await people().findByLogin(row.username))!.value;
    await people().joinGroup(id, "administrators");
    expect((await bring([{ ...row, groups: ["crew"] }])).counts.updated).toBe(1);
    const { value } = (await people().find(id))!;
    expect(value.groups.sort()).toEqual(["administrators", "crew"]);
    const owned = { ...value, passkeys: [passkey("p", { state: "active" })] };
    const names = { username: "other", email: "o@x.de", emailVerified: true };
    expect(changeImported(owned, names, { at: 1, event: "e" })).toBeUndefined();
  });
});
