import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Account, accountRecord } from "../../src/account/account.ts";
import { createImported } from "../../src/account/create.ts";
import { readPasswordState } from "../../src/account/password-state.ts";
import type { Installation } from "../../src/installation.ts";
import { currentKey, makeKey } from "../../src/password/keys.ts";
import { sealVerifier, verifierRecord } from "../../src/password/verifiers.ts";
import { passwordSafe } from "../../src/password-room.ts";
import { type Operator, operator } from "../command/operator.ts";
import { SECRET } from "../support/installation.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { furnish, openAt } from "./house.ts";
import { logical } from "./logical.ts";

const HASH = "$2b$04$abcdefghijklmnopqrstuuwmCvSTlCbWzxmvEjPaQgKRv5ZTOmr8i";

describe.each(stores)("store verify on $name", ({ open }) => {
  let opened: OpenStore;
  let admin: Operator;
  let house: Installation;
  beforeEach(async () => {
    opened = await open();
    admin = operator({ LATCHKEY_STORE: opened.url, LATCHKEY_SECRET: SECRET });
    house = await openAt(opened.url);
  });
  afterEach(async () => {
    await house.close();
    admin.remove();
    await opened.close();
  });
  const verify = (...flags: string[]) => admin.run("store", "verify", "--json", ...flags);

  test("finds nothing wrong with what is right", async () => {
    await furnish(house);
    const { code, json } = await verify();
    expect({ code, ...json() }).toMatchObject({ code: 0, ok: true, found: 0, problems: [] });
  });

  test("names every broken reference, changes nothing, and with --fix repairs them", async () => {
    const people = await furnish(house);
    const { store } = opened;
    const key = (i: number) => accountRecord.key(people[i]?.id ?? "");
    await store.remove("username:jane");
    await store.write("username:nobody", { account: "gone", schema: 1 });
    await store.write("credential:AAAA", { account: people[1]?.id, schema: 1 });
    await store.write(`password:${people[1]?.id}`, { sealed: "lkpw1.x.y", schema: 1 });
    await store.write("session:orphan", { accountId: "gone" }, { ttl: 60_000 });
    const john = await store.read<object>(key(1));
    const event = { id: "waiting", type: "account.disabled", at: 1, account: people[1]?.id };
    await store.write(key(1), { ...john?.value, outbox: [event] });

    const found = await verify();
    expect(found.code).toBe(1);
    const problems = found.json().problems as { key: string; problem: string; fixed: boolean }[];
    expect(problems.map(({ key: at, problem }) => `${at} ${problem}`).sort()).toEqual(
      [
        `${key(0)} no username entry leads to it`,
        `${key(1)} events that the log does not have: 1`,
        "username:nobody leads to no account",
        "credential:AAAA leads to no account",
        `password:${people[1]?.id} a verifier whose account lists no open password`,
        "session:orphan a session of an account that is gone",
      ].sort(),
    );
    expect((await verify()).json()).toEqual(found.json());

    const fixed = await verify("--fix");
    expect(fixed.code, fixed.out).toBe(0);
    expect(fixed.json()).toMatchObject({ ok: true, found: 6, fixed: 6 });
    expect((await verify()).json()).toMatchObject({ ok: true, found: 0 });
    expect((await house.accounts.findByLogin("jane"))?.value.id).toBe(people[0]?.id);
  });

  test("what is left of accounts and apps that are gone is found and taken away, and their neighbours' is not", async () => {
    const [jane, john] = (await furnish(house)) as [Account, Account];
    const { store } = opened;
    // An id from elsewhere, with what divides the parts of a key in it.
    const imported = (sub: string) =>
      createImported(house, { sub, username: sub.replace(":", "-"), password: false }, async () => {});
    const foreign = await imported("idp:7");
    // Somebody whose id is the beginning of that one.
    await imported("idp");
    const belongings = async (id: string, name: string) => {
      await store.write(`consent:${id}:wiki`, { scopes: ["email"], claims: [], since: 1 });
      await store.join(`consents:${id}`, "wiki");
      await store.write(`grant:${name}`, { accountId: id, clientId: "wiki" }, { ttl: 60_000 });
      await store.join(`grants:${id}`, `${name} wiki`, 60_000);
      await store.write(`session:${name}`, { accountId: id }, { ttl: 60_000 });
      await store.join(`sessions:${id}`, name, 60_000);
      await store.write(`activity:${id}`, { events: [] });
      await store.write(`invitation:${name}`, { account: id, expires: 1 }, { ttl: 60_000 });
    };
    await belongings(jane.id, "janes");
    await belongings(foreign.id, "foreigns");
    // Nobody's, and for somebody who has no account yet.
    await store.write("session:nobodys", { exp: 1 }, { ttl: 60_000 });
    await store.write("invitation:new", { email: "new@example.com", expires: 1 }, { ttl: 60_000 });
    await store.join("queue:mail", "waiting");
    await store.write("mail:waiting", { sealed: "" });
    expect((await verify()).json()).toMatchObject({ ok: true, found: 0 });
    const sound = await logical(store);

    await belongings("gone:8", "left");
    await store.write(`consent:${john.id}:gone`, { scopes: [], claims: [], since: 1 });
    await store.join(`consents:${john.id}`, "gone");
    const found = await verify();
    expect(found.code).toBe(1);
    const problems = found.json().problems as { key: string; problem: string; fixed: boolean }[];
    expect(problems.map(({ key, problem }) => `${key} ${problem}`).sort()).toEqual(
      [
        "consent:gone:8:wiki what an app was allowed, of an account that is gone",
        "consents:gone:8 a list of what apps were allowed of an account that is gone",
        "grant:left a grant of an account that is gone",
        "grants:gone:8 a list of grants of an account that is gone",
        "session:left a session of an account that is gone",
        "sessions:gone:8 a list of sessions of an account that is gone",
        "activity:gone:8 activity of an account that is gone",
        "invitation:left an invitation of an account that is gone",
        `consent:${john.id}:gone allowed to an app that is gone`,
      ].sort(),
    );
    const fixed = await verify("--fix");
    expect({ code: fixed.code, ...fixed.json() }).toMatchObject({ code: 0, found: 9, fixed: 9 });
    await store.leave(`consents:${john.id}`, "gone");
    expect(await logical(store)).toEqual(sound);
  });

  test("what its owner cannot see, and a mail that is in no queue, are put where they are found", async () => {
    const [jane] = (await furnish(house)) as [Account];
    const { store } = opened;
    await store.write(`consent:${jane.id}:wiki`, { scopes: [], claims: [], since: 1 });
    await store.write("mail:lost", { sealed: "" });
    const { json } = await verify();
    expect(json().problems).toEqual([
      { key: `consent:${jane.id}:wiki`, problem: "its owner cannot see it", fixed: false },
      { key: "mail:lost", problem: "a mail that is in no queue", fixed: false },
    ]);
    expect((await verify("--fix")).json()).toMatchObject({ found: 2, fixed: 2 });
    expect(await store.members(`consents:${jane.id}`)).toEqual(["wiki"]);
    expect(await store.members("queue:mail")).toEqual(["lost"]);
  });

  test("keys of passwords that are missing, or left over, are found; after the seal what is left goes", async () => {
    const safe = await passwordSafe(house);
    const key = await currentKey(safe);
    const people = ["old", "unreadable"].map((username) =>
      createImported(house, { username, password: true }, async (id) => {
        const sealed = username === "old" ? sealVerifier(key, id, HASH) : { sealed: "lkpw1.other.x" };
        await house.store.write(verifierRecord.key(id), verifierRecord.encode(sealed));
      }),
    );
    const [old, unreadable] = await Promise.all(people);
    const { id: left } = await makeKey(safe);
    const found = async (...flags: string[]) =>
      ((await verify(...flags)).json().problems as { key: string; problem: string; fixed: boolean }[]).map(
        ({ key: at, problem, fixed }) => `${at} ${problem} ${fixed}`,
      );
    const unread = `password:${unreadable?.id} a verifier that no key opens false`;
    const uncounted = `passwordkey:${left} a key of verifiers that does not count; \`passwords purge\` destroys it false`;
    expect(await found("--fix")).toEqual([unread, uncounted]);
    expect((await admin.run("passwords", "purge")).code).toBe(0);
    expect(await found()).toEqual([]);
    expect(await opened.store.read(`password:${old?.id}`)).toBeDefined();

    const [counting = ""] = (await readPasswordState(opened.store)).keys;
    const wrapped = (await safe.shelf.read(counting)) ?? "";
    await safe.shelf.destroy(counting);
    expect(await found("--fix")).toEqual(["passwords:state the key of the verifiers is missing false"]);
    await safe.shelf.put(counting, wrapped);
    expect(await found()).toEqual([]);

    await admin.run("passwords", "drop", "--all", "--yes");
    expect((await admin.run("passwords", "seal", "--yes", "--json")).code).toBe(0);
    expect(await found()).toEqual([]);
    await safe.shelf.put(counting, wrapped);
    expect(await found("--fix")).toEqual([
      `passwordkey:${counting} a key of verifiers that outlived the seal true`,
    ]);
    expect(await safe.shelf.list()).toEqual([]);
  });

  test("what cannot be repaired stays a problem", async () => {
    const people = await furnish(house);
    const jane = await opened.store.read<object>(accountRecord.key(people[0]?.id ?? ""));
    // Two accounts of one name, as only a lost write can leave them.
    const john = accountRecord.key(people[1]?.id ?? "");
    const stored = await opened.store.read<object>(john);
    await opened.store.write(john, {
      ...stored?.value,
      username: (jane?.value as { username: string } | undefined)?.username,
    });
    await opened.store.write(accountRecord.key("newer"), { schema: 99 });
    const { code, json } = await verify("--fix");
    expect(code).toBe(1);
    const left = (json().problems as { key: string; fixed: boolean }[]).filter(({ fixed }) => !fixed);
    expect(left.map(({ key }) => key).sort()).toEqual([john, "account:newer"].sort());
  });
});

/** What refers to something else, by its kind: all that `verify` looks at. */
const VERIFIED =
  "account username email credential handle password passwords passwordkey session grant consent activity invitation mail";
/** What refers to nothing that can be gone, or passes by itself within hours and opens nothing without what it refers to. */
const LEFT_ALONE = {
  "one for each installation": "meta migrations setup keys",
  "checked by `audit verify`": "auditseal auditseals auditkey",
  "refers to nothing": "client",
  "passes, and is read against its account, session or grant": "ceremony sitting",
};

test("every kind of record that is written is looked at, or has a reason not to be", () => {
  const root = fileURLToPath(new URL("../../src", import.meta.url));
  const sources = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.startsWith("testing"))
    .map((name) => readFileSync(join(root, name), "utf8"));
  const kinds = sources.flatMap((text) =>
    [...text.matchAll(/recordKind(?:<[^(]*>)?\(\s*"(\w+)"/g)].map(([, kind = ""]) => kind),
  );
  const known = [VERIFIED, ...Object.values(LEFT_ALONE)].flatMap((names) => names.split(" "));
  expect(kinds.length).toBeGreaterThan(15);
  expect(kinds.filter((kind) => !known.includes(kind))).toEqual([]);
});
