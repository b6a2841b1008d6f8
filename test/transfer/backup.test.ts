import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Account, accountRecord } from "../../src/account/account.ts";
import { createImported } from "../../src/account/create.ts";
import { passwordState, readPasswordState, STATE } from "../../src/account/password-state.ts";
import { day } from "../../src/clock.ts";
import type { Installation } from "../../src/installation.ts";
import { currentKey } from "../../src/password/keys.ts";
import { sealVerifier, verifierRecord } from "../../src/password/verifiers.ts";
import { passwordSafe } from "../../src/password-room.ts";
import { inPortions } from "../../src/store/portions.ts";
import { newVersion } from "../../src/store/record.ts";
import { type Operator, operator } from "../command/operator.ts";
import { SECRET } from "../support/installation.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { furnish, openAt, passkey } from "./house.ts";
import { logical } from "./logical.ts";

const HASH = "$2b$04$abcdefghijklmnopqrstuuwmCvSTlCbWzxmvEjPaQgKRv5ZTOmr8i";

describe.each(stores)("a backup of $name", ({ open }) => {
  let opened: OpenStore;
  let target: OpenStore;
  let admin: Operator;
  let restorer: Operator;
  let house: Installation;
  let people: Account[];
  const file = () => join(admin.cwd, "all.backup");
  beforeEach(async () => {
    [opened, target] = await Promise.all([open(), open()]);
    admin = operator({ LATCHKEY_STORE: opened.url, LATCHKEY_SECRET: SECRET });
    restorer = operator({ LATCHKEY_STORE: target.url, LATCHKEY_SECRET: SECRET });
    house = await openAt(opened.url);
    people = await furnish(house);
  });
  afterEach(async () => {
    await house.close();
    admin.remove();
    restorer.remove();
    await Promise.all([opened.close(), target.close()]);
  });
  const back = (...flags: string[]) => admin.run("store", "backup", "all.backup", "--json", ...flags);
  const restore = () => restorer.run("store", "restore", file(), "--yes", "--json");
  const accountAt = (store: OpenStore, id: string) => accountRecord.read(store.store, id);

  test("F24 comes back elsewhere as it was, but for what passes by itself and what works once", async () => {
    const [jane] = people as [Account];
    await house.accounts.issuePass(jane.id, { ttl: 60_000, by: "cli" });
    await house.accounts.setRecoveryCodes(jane.id, ["AAAA-BBBB-CCCC-DDDD-EEEE-FFFF-GG"]);
    const made = await back();
    expect(made.code, made.err).toBe(0);
    expect(made.json()).toMatchObject({
      file: file(),
      passwords: 0,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(statSync(file()).mode & 0o077).toBe(0);
    expect(readdirSync(admin.cwd)).toEqual(["all.backup"]);
    const restored = await restore();
    expect(restored.code, restored.err).toBe(0);
    expect(restored.json()).toMatchObject({ restored: true, accounts: 3, kept: 0, refused: [] });

    const passing = /^(lock|restore|account|session|limit|sessions|username|email|credential|handle):/;
    expect(await logical(target.store, passing)).toEqual(
      (await logical(opened.store, passing)).filter((line) => !line.includes('"passing":true')),
    );
    const there = await openAt(target.url);
    try {
      expect(there.meta).toEqual(house.meta);
      for (const { id, username } of people) {
        const found = (await there.accounts.findByLogin(`${username}@example.com`))?.value;
        const before = (await accountAt(opened, id))?.value as Account;
        const { passes: _, recoveryCodes: __, ...kept } = before;
        expect(found).toEqual({ ...kept, endedBefore: expect.any(Number) });
        expect(found?.passkeys[0]?.counter).toBe(3);
        expect((await there.accounts.findByCredential(before.passkeys[0]?.id ?? ""))?.value.id).toBe(id);
      }
      expect(await target.store.read("session:one")).toBeUndefined();
      expect((await restorer.run("store", "verify")).code).toBe(0);
    } finally {
      await there.close();
    }
  });

  test("restored again it changes nothing, and a restore that was killed goes on", async () => {
    await back();
    await restore();
    // As if it had been killed before the end: no record of the installation yet, one account not named yet.
    await target.store.remove("meta:store");
    await target.store.write("restore:running", { id: house.meta.id });
    await target.store.remove("username:john");
    await target.store.remove(accountRecord.key(people[2]?.id ?? ""));
    expect((await restore()).json()).toMatchObject({ restored: true, accounts: 1, kept: 2 });
    expect((await restorer.run("store", "verify")).code).toBe(0);
    const before = await logical(target.store);
    expect((await restore()).json()).toMatchObject({ accounts: 0, kept: 3, records: 0, events: 0 });
    expect(await logical(target.store)).toEqual(before);
  });

  test("SEC-46 into a living store only what is missing comes back: tombstones and newer data stay", async () => {
    const [jane, john, joan] = people as [Account, Account, Account];
    const jim = await house.accounts.create({ username: "jim", passkey: passkey("jim") });
    const allowed = async (id: string) => {
      await opened.store.write(`consent:${id}:wiki`, { scopes: [], claims: [], since: 1 });
      await opened.store.join(`consents:${id}`, "wiki");
      await opened.store.write(`activity:${id}`, { events: [] });
    };
    const kept = async (id: string) => [
      (await opened.store.read(`consent:${id}:wiki`)) !== undefined,
      (await opened.store.members(`consents:${id}`)).length > 0,
      (await opened.store.read(`activity:${id}`)) !== undefined,
    ];
    const forget = async (id: string) => {
      await opened.store.remove(`consent:${id}:wiki`);
      await opened.store.leave(`consents:${id}`, "wiki");
      await opened.store.remove(`activity:${id}`);
    };
    for (const { id } of [john, joan, jim]) await allowed(id);
    await back();
    for (const { id } of [john, joan, jim]) await forget(id);
    await house.accounts.disable(jane.id);
    // A loss: one account and its names are gone, and its address was taken by somebody else.
    await opened.store.remove(accountRecord.key(john.id));
    await opened.store.remove(accountRecord.key(joan.id));
    await house.accounts.create({
      username: "other",
      email: "joan@example.com",
      emailVerified: true,
      passkey: passkey("other"),
    });
    // One that was deleted is gone for good: the log remembers it.
    const deleted = { id: "deletion", type: "account.deleted", at: Date.now(), account: jim.id };
    await opened.store.append(`audit:${day(Date.now())}`, deleted as never, deleted.id);
    await opened.store.remove(accountRecord.key(jim.id));
    const restored = await admin.run("store", "restore", file(), "--yes", "--json");
    expect(restored.code).toBe(1);
    expect(restored.json()).toMatchObject({ accounts: 1, kept: 1, refused: [joan.id] });
    expect(await accountAt(opened, jim.id)).toBeUndefined();
    expect((await accountAt(opened, jane.id))?.value.state).toBe("disabled");
    expect((await house.accounts.findByLogin("john"))?.value.id).toBe(john.id);
    expect((await house.accounts.findByLogin("joan@example.com"))?.value.username).toBe("other");
    expect(await accountAt(opened, joan.id)).toBeUndefined();
    // What was kept beside an account comes with it, and not without it.
    expect(await kept(john.id)).toEqual([true, true, true]);
    expect([await kept(joan.id), await kept(jim.id)].flat()).toEqual(Array(6).fill(false));
  });

  test("holds no passwords unless it is told to, and brings none to an account with a passkey", async () => {
    const safe = await passwordSafe(house);
    const imported = async (username: string) => {
      const verifier = async (id: string) => {
        const sealed = sealVerifier(await currentKey(safe), id, HASH);
        await opened.store.write(verifierRecord.key(id), verifierRecord.encode(sealed));
      };
      return createImported(house, { username, password: true }, verifier);
    };
    const old = await imported("old");
    const both = await imported("both");
    await house.accounts.addPasskey(both.id, { ...passkey("both"), addedBy: "conversion" });

    await back();
    expect(plain(file(), SECRET)).toBe(false);
    await restore();
    expect(await target.store.read(verifierRecord.key(old.id))).toBeUndefined();
    expect((await accountAt(target, old.id))?.value.password?.state).toBe("open");
    expect((await readPasswordState(target.store)).keys).toEqual([]);

    const second = await open();
    const withThem = operator({ LATCHKEY_STORE: second.url, LATCHKEY_SECRET: SECRET });
    try {
      const made = await admin.run("store", "backup", "with.backup", "--with-passwords", "--json");
      expect(made.json()).toMatchObject({ passwords: 2 });
      const there = await withThem.run("store", "restore", join(admin.cwd, "with.backup"), "--yes", "--json");
      expect(there.json()).toMatchObject({ passwords: { restored: 1, dropped: 1 } });
      expect(await second.store.read(verifierRecord.key(old.id))).toEqual(
        await opened.store.read(verifierRecord.key(old.id)),
      );
      expect((await accountAt(second, both.id))?.value.password?.state).toBe("closed");
      expect((await second.store.read(passwordState.key(STATE)))?.value).toMatchObject({
        keys: [expect.any(String)],
      });
      expect((await withThem.run("store", "verify")).code).toBe(0);
    } finally {
      withThem.remove();
      await second.close();
    }
  });

  test.each([
    ["cut off", (bytes: Buffer) => bytes.subarray(0, -1), "incomplete"],
    ["changed", (bytes: Buffer) => flipped(bytes, bytes.length - 40), "incomplete"],
    ["with another head", (bytes: Buffer) => flipped(bytes, 30), "secret"],
    ["empty", () => Buffer.alloc(0), "no backup"],
    ["something else", () => Buffer.from("PK\u0003\u0004 something else\n"), "no backup"],
  ])("a file that is %s is refused, and nothing is changed", async (_, spoil, reason) => {
    await back();
    writeFileSync(file(), spoil(readFileSync(file())));
    const { code, err, json } = await restore();
    expect(code).toBe(2);
    expect(err).toContain(reason);
    expect(json()).toMatchObject({ code: "backup_refused" });
    expect(await logical(target.store, /^$/)).toEqual([]);
  });

  test("another secret opens nothing; an older one behind the new one does", async () => {
    await back();
    const env = { LATCHKEY_STORE: target.url };
    const stranger = operator({ ...env, LATCHKEY_SECRET: `another ${SECRET}` });
    const refused = await stranger.run("store", "restore", file(), "--yes");
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("LATCHKEY_SECRET");
    expect(await logical(target.store, /^$/)).toEqual([]);
    const rotated = operator({ ...env, LATCHKEY_SECRET: `another ${SECRET},${SECRET}` });
    expect((await rotated.run("store", "restore", file(), "--yes", "--json")).json()).toMatchObject({
      accounts: 3,
    });
    stranger.remove();
    rotated.remove();
  });

  test("is refused by a store of somebody else, asks before it writes, and overwrites no file", async () => {
    await back();
    expect((await back()).code).toBe(2);
    expect((await restorer.run("store", "restore", file())).code).toBe(2);
    expect((await restorer.answer("n", "store", "restore", file(), "--json")).json()).toEqual({
      restored: false,
    });
    const stranger = await openAt(target.url);
    await stranger.close();
    const { code, err } = await restore();
    expect(code).toBe(2);
    expect(err).toContain("something else");
  });

  test("of many accounts fills many frames", async () => {
    const many = Array.from({ length: 3000 }, (_, i) => `many-${i}`);
    const filler = "x".repeat(500);
    await inPortions(many, (id) =>
      opened.store.commit(`filler:${id}`, { filler }, { expect: "absent", version: newVersion() }),
    );
    await back();
    const { code, json } = await restore();
    expect(code).toBe(0);
    expect(json().records).toBeGreaterThan(3000);
    expect(await target.store.read("filler:many-2999")).toEqual(await opened.store.read("filler:many-2999"));
  });
});

function flipped(bytes: Buffer, at: number): Buffer {
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}

/** Whether a file has something in it that is no secret's business. */
function plain(file: string, secret: string): boolean {
  const text = readFileSync(file, "latin1");
  return [secret, "jane", "lkpw1", "account:"].some((word) => text.includes(word));
}
