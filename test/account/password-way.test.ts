import { describe, expect, it } from "vitest";
import type { Account } from "../../src/account/account.ts";
import {
  closePassword,
  declinePasskey,
  dropPassword,
  hasOpenPassword,
  missingWays,
  openPassword,
  removePassword,
} from "../../src/account/password-way.ts";
import { WATCH } from "../../src/account/watch.ts";
import { account, NOON, passkey } from "./samples.ts";

const now = { at: NOON, event: "event" };
const refusal = (code: string) => expect.objectContaining({ code });
const open = { state: "open" as const, since: NOON - 1 };
const tombstone = { state: "closed" as const, since: NOON - 1 };
const codes = { created: NOON, left: ["fingerprint"] };
const key = (id: string, more = {}) => passkey(id, { state: "active", ...more });
const hardware = { backupEligible: false, backedUp: false };

const legacy = (more: Partial<Account> = {}) => account({ password: open, ...more });

describe("a password", () => {
  it("is opened by an import, once", () => {
    expect(openPassword(account(), now)?.password).toEqual({ state: "open", since: NOON });
    expect(openPassword(legacy(), now)).toBeUndefined();
  });

  it("SEC-44 is never opened again once it was closed", () => {
    expect(() => openPassword(account({ password: tombstone }), now)).toThrow(refusal("password_closed"));
  });

  it.each(["pending", "disabled"] as const)("does not sign in to an account that is %s", (state) => {
    expect(hasOpenPassword(legacy({ state }))).toBe(false);
    expect(hasOpenPassword(legacy())).toBe(true);
    expect(hasOpenPassword(account({ password: tombstone }))).toBe(false);
    expect(hasOpenPassword(account())).toBe(false);
  });

  it("counts each Not now while it is open", () => {
    const once = declinePasskey(legacy())!;
    expect(declinePasskey(once)?.password).toEqual({ ...open, declined: 2 });
    expect(declinePasskey(account({ password: tombstone }))).toBeUndefined();
    expect(declinePasskey(account())).toBeUndefined();
  });
});

describe("closing it in favour of a passkey", () => {
  it("leaves a tombstone, a day of care, and an event", () => {
    const closed = closePassword(legacy(), { passkey: "first" }, now)!;
    expect(closed.password).toEqual({ state: "closed", since: NOON });
    expect(closed.watch).toEqual({ until: NOON + WATCH, passkeys: ["first"] });
    expect(closed.outbox).toEqual([
      { id: "event", type: "password.closed", at: NOON, account: closed.id, subject: "first" },
    ]);
    expect(closePassword(closed, { passkey: "first" }, now)).toBeUndefined();
  });

  it("SEC-131 watches every passkey that was made with the password", () => {
    const passkeys = [key("old"), key("earlier", { addedBy: "conversion" }), key("new")];
    const closed = closePassword(legacy({ passkeys }), { passkey: "new" }, now)!;
    expect(closed.watch?.passkeys).toEqual(["earlier", "new"]);
  });

  it.each([
    ["is not there", []],
    ["is still pending", [passkey("new", { state: "pending" })]],
    ["is suspended", [passkey("new", { state: "suspended" })]],
    ["is not the one that is there", [key("other")]],
  ])("SEC-42 is refused when the passkey %s", (_, passkeys) => {
    expect(() => closePassword(legacy({ passkeys }), { passkey: "new" }, now)).toThrow(
      refusal("last_way_in"),
    );
  });

  it("SEC-24 is refused for a disabled account", () => {
    expect(() => closePassword(legacy({ state: "disabled" }), { passkey: "first" }, now)).toThrow(
      refusal("account_limited"),
    );
  });
});

describe("removing it: the guard looks both ways", () => {
  const one = "00000000-0000-0000-0000-00000000000a";
  const two = "00000000-0000-0000-0000-00000000000b";

  it.each<[string, Partial<Account>, string[]]>([
    ["no passkey", { passkeys: [] }, ["passkey"]],
    ["no passkey but codes", { passkeys: [], recoveryCodes: codes }, ["passkey"]],
    ["a passkey that is pending", { passkeys: [passkey("a")] }, ["passkey"]],
    ["one synced passkey", { passkeys: [key("a")] }, ["other_passkey", "recovery_codes"]],
    [
      "one synced passkey and codes that are used up",
      { passkeys: [key("a")], recoveryCodes: { created: NOON, left: [] } },
      ["other_passkey", "recovery_codes"],
    ],
    ["one security key", { passkeys: [key("a", hardware)] }, ["other_passkey"]],
    [
      "one security key and codes",
      { passkeys: [key("a", hardware)], recoveryCodes: codes },
      ["other_passkey"],
    ],
    [
      "two passkeys of one provider",
      { passkeys: [key("a", { aaguid: one }), key("b", { aaguid: one })] },
      ["other_passkey", "recovery_codes"],
    ],
    [
      "one passkey and a suspended one of another provider",
      { passkeys: [key("a", { aaguid: one }), passkey("b", { aaguid: two, state: "suspended" })] },
      ["other_passkey", "recovery_codes"],
    ],
  ])("%s is not enough, and it says what is", (_, more, missing) => {
    expect(missingWays(legacy(more))).toEqual(missing);
    expect(() => removePassword(legacy(more), now)).toThrow(
      expect.objectContaining({ code: "ways_missing", members: { missing } }),
    );
  });

  it.each<[string, Partial<Account>]>([
    ["two providers", { passkeys: [key("a", { aaguid: one }), key("b", { aaguid: two })] }],
    ["a synced passkey and codes", { passkeys: [key("a")], recoveryCodes: codes }],
    [
      "two security keys of one model and codes",
      { passkeys: [key("a", hardware), key("b", hardware)], recoveryCodes: codes },
    ],
  ])("%s are enough", (_, more) => {
    expect(missingWays(legacy(more))).toEqual([]);
    const removed = removePassword(legacy(more), now)!;
    expect(removed.password).toEqual({ state: "closed", since: NOON });
    expect(removed.outbox).toMatchObject([{ type: "password.removed" }]);
    expect(removePassword(removed, now)).toBeUndefined();
  });
});

it("an operator's drop closes it whatever is left", () => {
  const dropped = dropPassword(legacy({ passkeys: [], password: { ...open, declined: 3 } }), now)!;
  expect(dropped.password).toEqual({ state: "closed", since: NOON, declined: 3 });
  expect(dropped.outbox).toMatchObject([{ type: "password.dropped" }]);
  expect(dropPassword(dropped, now)).toBeUndefined();
  expect(dropPassword(account(), now)).toBeUndefined();
});
