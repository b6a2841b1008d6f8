import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { accountRecord } from "../../src/account/account.ts";
import type { Installation } from "../../src/installation.ts";
import { type Operator, operator } from "../command/operator.ts";
import { SECRET } from "../support/installation.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { furnish, openAt } from "./house.ts";

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
