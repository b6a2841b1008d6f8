import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Account, Passkey } from "../../src/account/account.ts";
import { endSessions, isOver } from "../../src/account/sessions.ts";
import { disableAccount, enableAccount } from "../../src/account/standing.ts";
import {
  activateAccount,
  activatePasskey,
  addPasskey,
  newAccount,
  OUTBOX_LIMIT,
  PASSKEY_LIMIT,
  PENDING_PASSKEY_AGE,
  recordUse,
  removePasskey,
  renamePasskey,
  usablePasskey,
  withdrawPasskey,
} from "../../src/account/transitions.ts";
import { isRefusal } from "../../src/errors.ts";
import { account, handle, NOON, passkey } from "./samples.ts";

const now = { at: NOON, event: "event" };
const refusal = (code: string) => expect.objectContaining({ code });
const active = (...ids: string[]) => ids.map((id) => passkey(id, { state: "active" }));
const many = (n: number) => active(...Array.from({ length: n }, (_, i) => `p${i}`));

describe("an invitation", () => {
  const invited = (id: string) => passkey(id, { addedBy: "invitation" });
  const empty = account({ passkeys: [] });

  it("SEC-106 gives an account its first passkey; of two links that race one does", () => {
    const both = addPasskey(addPasskey(empty, invited("one"), now), invited("two"), now);
    const first = activatePasskey(both, "one", now);
    expect(usablePasskey(first, "one")).toBeDefined();
    expect(() => activatePasskey(first, "two", now)).toThrow(refusal("account_limited"));
    expect(() => addPasskey(first, invited("three"), now)).toThrow(refusal("account_limited"));
  });
});

describe("a new account", () => {
  const made = (more = {}) =>
    newAccount(
      { id: handle("a"), handle: handle("a"), username: "jane", passkey: passkey("first"), ...more },
      now,
    );

  it("is pending, and nothing signs in to it before it is activated", () => {
    expect(made()).toMatchObject({ state: "pending", outbox: [], created: NOON });
    expect(usablePasskey(made(), "first")).toBeUndefined();
    const activated = activateAccount(made(), "account.created", now);
    expect(usablePasskey(activated, "first")).toMatchObject({ id: "first", state: "active" });
  });

  it("says in one event that it was created, and with which passkey", () => {
    const { outbox } = activateAccount(made(), "owner.created", now);
    const event = { id: "event", type: "owner.created", at: NOON, account: handle("a"), subject: "first" };
    expect(outbox).toEqual([event]);
  });

  it("is activated once", () => {
    expect(() => activateAccount(account(), "account.created", now)).toThrow(refusal("account_exists"));
  });

  it("calls an address verified only when there is one", () => {
    expect(made({ emailVerified: true }).emailVerified).toBe(false);
    expect(made({ email: "jane@example.com" }).emailVerified).toBe(false);
    expect(made({ email: "jane@example.com", emailVerified: true }).emailVerified).toBe(true);
  });

  it("SEC-107 keeps nothing it was not asked to keep", () => {
    const made = newAccount(
      {
        id: handle("a"),
        handle: handle("a"),
        username: "jane",
        passkey: passkey("first"),
        ...({ state: "active", outbox: [{}], created: 0, isAdmin: true } as object),
      },
      now,
    );
    expect(made).toMatchObject({ state: "pending", outbox: [], created: NOON, groups: [] });
    expect(made).not.toHaveProperty("isAdmin");
  });
});

describe("adding a passkey", () => {
  it("makes it pending, whatever it calls itself, and active afterwards", () => {
    const pending = addPasskey(account(), passkey("second", { state: "active", created: 0 }), now);
    expect(pending.passkeys[1]).toMatchObject({ id: "second", state: "pending", created: NOON });
    expect(usablePasskey(pending, "second")).toBeUndefined();
    const activated = activatePasskey(pending, "second", now);
    expect(usablePasskey(activated, "second")).toBeDefined();
    expect(activated.outbox).toMatchObject([{ type: "passkey.registered", subject: "second" }]);
  });

  it("SEC-37 stops at twenty, pending ones included", () => {
    const room = addPasskey(account({ passkeys: many(PASSKEY_LIMIT - 1) }), passkey("last"), now);
    expect(room.passkeys).toHaveLength(20);
    expect(() => addPasskey(room, passkey("more"), now)).toThrow(refusal("passkey_limit"));
  });

  it("forgets pending ones of requests that died, and no others", () => {
    const aged = passkey("dead", { created: NOON - PENDING_PASSKEY_AGE - 1 });
    const held = [...active("first"), aged, passkey("under way")];
    const { passkeys } = addPasskey(account({ passkeys: held }), passkey("new"), now);
    expect(passkeys.map(({ id }) => id)).toEqual(["first", "under way", "new"]);
  });

  it("SEC-25 refuses one that the account has", () => {
    expect(() => addPasskey(account(), passkey("first"), now)).toThrow(refusal("credential_registered"));
  });

  it("is closed to a disabled account", () => {
    const disabled = account({ state: "disabled", passkeys: [...active("first"), passkey("pending")] });
    expect(() => addPasskey(disabled, passkey("second"), now)).toThrow(refusal("account_limited"));
    expect(() => activatePasskey(disabled, "pending", now)).toThrow(refusal("account_limited"));
  });

  it("activates only what is pending", () => {
    expect(() => activatePasskey(account(), "first", now)).toThrow(refusal("passkey_unknown"));
    expect(() => activatePasskey(account(), "none", now)).toThrow(refusal("passkey_unknown"));
  });

  it("takes back only what is pending", () => {
    const both = account({ passkeys: [...active("first"), passkey("second")] });
    expect(withdrawPasskey(both, "second")?.passkeys).toHaveLength(1);
    expect(withdrawPasskey(both, "first")).toBeUndefined();
  });
});

describe("removing a passkey", () => {
  it("removes one of two, and tells of it", () => {
    const removed = removePasskey(account({ passkeys: active("first", "second") }), "first", now);
    expect(removed.passkeys.map(({ id }) => id)).toEqual(["second"]);
    expect(removed.outbox).toMatchObject([{ type: "passkey.removed", subject: "first" }]);
  });

  it.each(["pending", "suspended"] as const)("SEC-41 keeps the last active one beside a %s one", (state) => {
    const both = account({ passkeys: [...active("first"), passkey("second", { state })] });
    expect(() => removePasskey(both, "first", now)).toThrow(refusal("last_way_in"));
    expect(removePasskey(both, "second", now).passkeys).toHaveLength(1);
  });

  it("refuses one that is not there", () => {
    expect(() => removePasskey(account(), "none", now)).toThrow(refusal("passkey_unknown"));
  });
});

describe("renaming a passkey", () => {
  it("keeps the new name and tells of it without the name", () => {
    const renamed = renamePasskey(account(), "first", " Blue key ", now);
    expect(renamed?.passkeys[0]?.name).toBe("Blue key");
    expect(JSON.stringify(renamed?.outbox)).not.toContain("Blue");
    expect(renamed?.outbox).toMatchObject([{ type: "passkey.renamed", subject: "first" }]);
  });

  it("writes nothing when the name is the same", () => {
    expect(renamePasskey(account(), "first", "Phone", now)).toBeUndefined();
  });

  it("refuses what is no name", () => {
    expect(() => renamePasskey(account(), "first", "a\u202eb", now)).toThrow(refusal("name_invalid"));
    expect(() => renamePasskey(account(), "none", "Key", now)).toThrow(refusal("passkey_unknown"));
  });
});

describe("remembering a sign-in", () => {
  const used = (counter: number, more = {}) =>
    account({ passkeys: [passkey("first", { state: "active", counter, lastUsed: "2026-11-22", ...more })] });
  const use = { counter: 0, backedUp: true };

  it("writes nothing for a synced passkey that was used today", () => {
    expect(recordUse(used(0), "first", use, now)).toBeUndefined();
    expect(recordUse(used(0, { lastUsed: "2026-11-21" }), "first", use, now)).toBeDefined();
  });

  it("writes a counter that grew, and never one that went back", () => {
    expect(recordUse(used(5), "first", { ...use, counter: 6 }, now)?.passkeys[0]?.counter).toBe(6);
    expect(recordUse(used(5), "first", { ...use, counter: 4 }, now)).toBeUndefined();
    expect(recordUse(used(5), "first", { ...use, counter: 5 }, now)).toBeUndefined();
  });

  it("tells when a passkey began or ceased to be synced", () => {
    const moved = recordUse(used(0), "first", { ...use, backedUp: false }, now);
    expect(moved?.passkeys[0]?.backedUp).toBe(false);
    expect(moved?.outbox).toMatchObject([{ type: "passkey.backup_changed", detail: { backedUp: false } }]);
  });

  it("keeps the later day when another server's clock is ahead", () => {
    expect(recordUse(used(0, { lastUsed: "2026-11-23" }), "first", use, now)).toBeUndefined();
  });

  it("writes nothing for a passkey that is gone", () => {
    expect(recordUse(used(0), "none", use, now)).toBeUndefined();
  });
});

describe("ending what is open", () => {
  it("F18: does not begin to live again on a host whose clock is behind", () => {
    const ended = endSessions(account(), now);
    expect(endSessions(ended, { at: now.at - 300_000 }).endedBefore).toBe(now.at);
    expect(endSessions(ended, { at: now.at + 1 }).endedBefore).toBe(now.at + 1);
  });
});

describe("disabling an account", () => {
  it("closes every way in until it is enabled", () => {
    const disabled = disableAccount(account(), now) as Account;
    expect(usablePasskey(disabled, "first")).toBeUndefined();
    expect(isOver(disabled, now.at / 1000)).toBe(true);
    const enabled = enableAccount(disabled, { ...now, event: "later" }) as Account;
    expect(usablePasskey(enabled, "first")).toBeDefined();
    expect(enabled.outbox.map(({ type }) => type)).toEqual(["account.disabled", "account.enabled"]);
  });

  it("writes nothing twice", () => {
    expect(enableAccount(account(), now)).toBeUndefined();
    expect(disableAccount(account({ state: "disabled" }), now)).toBeUndefined();
  });

  it("does not make a pending account active", () => {
    expect(() => enableAccount(account({ state: "pending" }), now)).toThrow(refusal("account_unknown"));
  });
});

it("refuses a change while eight events wait, and keeps them", () => {
  const waiting = (n: number) =>
    Array.from({ length: n }, (_, i) => ({ id: `${i}`, type: "passkey.renamed" as const, at: NOON }));
  const full = account({ outbox: waiting(OUTBOX_LIMIT) });
  expect(() => renamePasskey(full, "first", "Key", now)).toThrow(refusal("store_conflict"));
  expect(renamePasskey(account({ outbox: waiting(7) }), "first", "Key", now)?.outbox).toHaveLength(8);
});

/** What anybody might try next, as a step and what it says in a failure. */
const id = fc.integer({ min: 0, max: 24 }).map(String);
const attempt = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant("add" as const), id) },
  { weight: 4, arbitrary: fc.tuple(fc.constant("activate" as const), id) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("remove" as const), id) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom("withdraw" as const, "rename" as const), id) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom("use" as const, "switch" as const), id) },
);

const steps: Record<string, (account: Account, id: string, at: number) => Account | undefined> = {
  add: (a, id, at) => addPasskey(a, passkey(id, { backupEligible: Number(id) % 2 === 0 }), { at, event: id }),
  activate: (a, id, at) => activatePasskey(a, id, { at, event: id }),
  remove: (a, id, at) => removePasskey(a, id, { at, event: id }),
  withdraw: (a, id) => withdrawPasskey(a, id),
  rename: (a, id, at) => renamePasskey(a, id, `Key ${id}`, { at, event: id }),
  use: (a, id, at) => recordUse(a, id, { counter: at % 7, backedUp: at % 2 === 0 }, { at, event: id }),
  switch: (a, id, at) => (at % 2 ? disableAccount : enableAccount)(a, { at, event: id }),
};

it("SEC-41 SEC-37 whatever is tried in whatever order, one active passkey stays, at most twenty, and BE never changes", () => {
  const reached = { most: 0, fewest: 20 };
  /** Plain comparisons: there are a hundred thousand of them. */
  const faults = (before: Account, after: Account) => {
    const was = new Map(before.passkeys.map((held) => [held.id, held]));
    const changed = ({ id, backupEligible, publicKey, counter }: Passkey) => {
      const old = was.get(id);
      return (
        old && (old.backupEligible !== backupEligible || old.publicKey !== publicKey || old.counter > counter)
      );
    };
    return Object.entries({
      "no way in": !after.passkeys.some(({ state }) => state === "active"),
      "too many": after.passkeys.length > PASSKEY_LIMIT || after.outbox.length > OUTBOX_LIMIT,
      "one twice": new Set(after.passkeys.map(({ id }) => id)).size < after.passkeys.length,
      "a credential that changed": after.passkeys.some(changed),
      "another account": after.id !== before.id || after.handle !== before.handle,
    }).flatMap(([fault, found]) => (found ? [fault] : []));
  };
  fc.assert(
    fc.property(fc.array(attempt, { minLength: 20, maxLength: 120, size: "max" }), (attempts) => {
      let current = account();
      for (const [n, [what, id]] of attempts.entries()) {
        const before = current;
        try {
          current = steps[what]?.({ ...before, outbox: [] }, id, NOON + n) ?? before;
        } catch (error) {
          if (!isRefusal(error)) throw error;
        }
        expect(faults(before, current)).toEqual([]);
        reached.most = Math.max(reached.most, current.passkeys.length);
        reached.fewest = Math.min(reached.fewest, current.passkeys.length);
      }
    }),
    { numRuns: 60 },
  );
  expect(reached.fewest).toBe(1);
  expect(reached.most).toBeGreaterThan(10);
});
