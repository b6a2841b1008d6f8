import { describe, expect, it } from "vitest";
import { accountRecord } from "../../src/account/account.ts";
import { accounts } from "../../src/account/accounts.ts";
import { credentialHint } from "../../src/account/directory.ts";
import { day } from "../../src/clock.ts";
import { refuse } from "../../src/errors.ts";
import { newVersion } from "../../src/store/record.ts";
import type { Store } from "../../src/store/store.ts";
import { stores } from "../support/stores.ts";
import { clock, fresh, meddled, person, place, refusal } from "./people.ts";
import { NOON, passkey } from "./samples.ts";

describe.each(stores)("accounts on $name", ({ open }) => {
  const at = place(open);

  describe("passkeys", () => {
    it("are added, renamed and removed, each with its event", async () => {
      const { id } = await at.here().create(person());
      const added = fresh("added");
      await at.here().addPasskey(id, passkey(added));
      expect((await at.here().findByCredential(added))?.value.id).toBe(id);
      await at.here().renamePasskey(id, added, "Blue");
      const left = await at.here().removePasskey(id, added);
      expect(left.passkeys).toHaveLength(1);
      expect(await at.here().findByCredential(added)).toBeUndefined();
      const types = ["account.created", "passkey.registered", "passkey.renamed", "passkey.removed"];
      expect((await at.logged(id)).map(({ type }) => type)).toEqual(types);
    });

    it("can be registered elsewhere once they are removed", async () => {
      const { id, passkeys } = await at.here().create(person());
      await at.here().addPasskey(id, passkey(fresh("kept")));
      await at.here().removePasskey(id, passkeys[0]!.id);
      const next = await at.here().create(person({ passkey: passkey(passkeys[0]!.id) }));
      expect((await at.here().findByCredential(passkeys[0]!.id))?.value.id).toBe(next.id);
    });

    it("are refused to an account that does not exist", async () => {
      await expect(at.here().addPasskey("nobody", passkey(fresh("c")))).rejects.toThrow(
        refusal("account_unknown"),
      );
      await expect(at.here().disable("nobody")).rejects.toThrow(refusal("account_unknown"));
    });

    it("stay removed when their hint could not be taken away", async () => {
      const { id, passkeys } = await at.here().create(person());
      await at.here().addPasskey(id, passkey(fresh("kept")));
      const gone = passkeys[0]!.id;
      const faulty = meddled(at.store, "commit", (key) => {
        if (key === credentialHint.key(gone)) throw refuse("store_unavailable");
      });
      await at.here(faulty).removePasskey(id, gone);
      expect(await at.here().findByCredential(gone)).toBeUndefined();
      await expect(at.here().create(person({ passkey: passkey(gone) }))).resolves.toBeDefined();
    });
  });

  describe("remembering a sign-in", () => {
    it("keeps the largest counter of sign-ins at one moment", async () => {
      const { id, passkeys } = await at.here().create(person());
      const stored = (await at.here().find(id))!;
      const uses = [3, 9, 1, 7].map((counter) =>
        at.here().recordUse(stored, passkeys[0]!.id, { counter, backedUp: true }),
      );
      await Promise.all(uses);
      expect((await at.here().find(id))?.value.passkeys[0]).toMatchObject({
        counter: 9,
        lastUsed: day(NOON),
      });
    });

    it("does not touch the store when there is nothing to remember", async () => {
      const { id, passkeys } = await at.here().create(person());
      const use = { counter: 0, backedUp: true };
      await at.here().recordUse((await at.here().find(id))!, passkeys[0]!.id, use);
      const stored = (await at.here().find(id))!;
      const none = new Proxy({} as Store, { get: () => expect.unreachable("a store call") });
      await accounts({ store: none, clock }).recordUse(stored, passkeys[0]!.id, use);
    });

    it("does not fail the sign-in when the store is away, or the account gone", async () => {
      const { id, passkeys } = await at.here().create(person());
      const stored = (await at.here().find(id))!;
      const away = meddled(at.store, "commit", () => {
        throw refuse("store_unavailable");
      });
      const use = { counter: 5, backedUp: true };
      await expect(at.here(away).recordUse(stored, passkeys[0]!.id, use)).resolves.toBeUndefined();
      await at.store.remove(accountRecord.key(id));
      await expect(at.here().recordUse(stored, passkeys[0]!.id, use)).resolves.toBeUndefined();
      expect(await at.here().find(id)).toBeUndefined();
    });
  });

  describe("events", () => {
    it("wait in the document while the log is away, and reach it with the next write, once", async () => {
      const { id, passkeys } = await at.here().create(person());
      const away = meddled(at.store, "append", () => {
        throw refuse("store_unavailable");
      });
      await at
        .here(away)
        .disable(id)
        .catch(({ code }) => code);
      // The event of the creation waits already, so the log must answer before anything else is written.
      expect((await at.here().find(id))?.value.state).toBe("active");
      const once = { left: 1 };
      const late = meddled(at.store, "append", () => {
        if (once.left-- <= 0) throw refuse("store_unavailable");
      });
      await at.here(late).disable(id);
      expect((await at.logged(id)).map(({ type }) => type)).toEqual(["account.created"]);
      await at.here().enable(id);
      await at.here().renamePasskey(id, passkeys[0]!.id, "Blue");
      const types = ["account.created", "account.disabled", "account.enabled", "passkey.renamed"];
      expect((await at.logged(id)).map(({ type }) => type)).toEqual(types);
      expect((await at.here().find(id))?.value.outbox).toHaveLength(1);
    });

    it("are told to nobody when the change was refused", async () => {
      const { id, passkeys } = await at.here().create(person());
      const before = at.told.length;
      await expect(at.here().removePasskey(id, passkeys[0]!.id)).rejects.toThrow(refusal("last_way_in"));
      expect(at.told).toHaveLength(before);
      expect(await at.logged(id)).toHaveLength(1);
    });
  });

  it("lists every account once, except those that are pending", async () => {
    const made = await Promise.all(Array.from({ length: 5 }, () => at.here().create(person())));
    const pending = { ...made[0]!, id: fresh("pending"), state: "pending" as const };
    const how = { expect: "absent" as const, version: newVersion(), ttl: 60_000 };
    await at.store.commit(accountRecord.key(pending.id), accountRecord.encode(pending), how);
    const listed: string[] = [];
    for await (const { id } of at.here().list()) listed.push(id);
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed).toEqual(expect.arrayContaining(made.map(({ id }) => id)));
    expect(listed).not.toContain(pending.id);
  });

  it.each(["", "\0", "a".repeat(5000), "*", "\ud800", "x\ny", "../../x", "nobody", "nobody@example.com"])(
    "finds nobody for %j, and does not stumble",
    async (text) => {
      const people = at.here();
      for (const find of [people.find, people.findByHandle, people.findByLogin, people.findByCredential]) {
        expect(await find(text)).toBeUndefined();
      }
    },
  );
});
