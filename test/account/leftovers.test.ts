import { describe, expect, it } from "vitest";
import { accountRecord } from "../../src/account/account.ts";
import { usernameHint } from "../../src/account/directory.ts";
import { PENDING_PASSKEY_AGE } from "../../src/account/transitions.ts";
import { newVersion } from "../../src/store/record.ts";
import { stores } from "../support/stores.ts";
import { fresh, person, place } from "./people.ts";
import { NOON, passkey } from "./samples.ts";

describe.each(stores)("sweeping accounts on $name", ({ open }) => {
  const at = place(open);

  it("takes away dead hints, dead pending passkeys and waiting events, and nothing else", async () => {
    const { id, username, passkeys } = await at.here().create(person());
    const dead = usernameHint.key(fresh("dead"));
    const hint = usernameHint.encode({ account: "nobody" });
    await at.store.commit(dead, hint, { expect: "absent", version: newVersion() });
    const stored = (await at.here().find(id))!;
    const stale = passkey(fresh("stale"), { created: NOON - PENDING_PASSKEY_AGE - 1 });
    const left = { ...stored.value, passkeys: [...passkeys, stale, passkey(fresh("under way"))] };
    const how = { expect: stored.version, version: newVersion() };
    await at.store.commit(accountRecord.key(id), accountRecord.encode(left), how);
    expect(await at.here().sweep()).toBeGreaterThanOrEqual(2);
    await expect.poll(() => at.store.read(dead)).toBeUndefined();
    const tidy = (await at.here().findByLogin(username))!.value;
    expect(tidy.passkeys).toHaveLength(2);
    expect(tidy.outbox).toEqual([]);
    expect((await at.here().findByCredential(passkeys[0]!.id))?.value.id).toBe(id);
    expect(await at.here().sweep()).toBe(0);
  });

  it("does not make a pending account permanent", async () => {
    const left = { ...(await at.here().create(person())), id: fresh("pending"), state: "pending" as const };
    const key = accountRecord.key(left.id);
    const how = { expect: "absent" as const, version: newVersion(), ttl: 500 };
    await at.store.commit(key, accountRecord.encode({ ...left, outbox: [] }), how);
    await at.here().sweep();
    await expect.poll(() => at.store.read(key), { timeout: 5000 }).toBeUndefined();
  });
});
