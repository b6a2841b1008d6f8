import { describe, expect, it } from "vitest";
import type { Account } from "../../src/account/account.ts";
import {
  closePassword,
  declinePasskey,
  dropPassword,
  hasOpenPassword,
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

describe("removing it", () => {
  const rule = () => ({ removal: "independent", codes: true }) as const;

  it("is refused while something is missing, and says what, and whether all of it is needed", () => {
    const refused = (removal: "independent" | "strict", missing: string[], needs: string) =>
      expect(() =>
        removePassword(legacy({ passkeys: [key("a")] }), () => ({ removal, codes: true }), now),
      ).toThrow(expect.objectContaining({ code: "ways_missing", members: { missing, needs } }));
    refused("independent", ["other_passkey", "recovery_codes"], "one");
    refused("strict", ["other_passkey", "recovery_codes"], "all");
  });

  it("leaves a tombstone and an event, once", () => {
    const removed = removePassword(legacy({ passkeys: [key("a")], recoveryCodes: codes }), rule, now)!;
    expect(removed.password).toEqual({ state: "closed", since: NOON });
    expect(removed.outbox).toMatchObject([{ type: "password.removed" }]);
    expect(removePassword(removed, rule, now)).toBeUndefined();
  });
});

it("an operator's drop closes it whatever is left", () => {
  const dropped = dropPassword(legacy({ passkeys: [], password: { ...open, declined: 3 } }), now)!;
  expect(dropped.password).toEqual({ state: "closed", since: NOON, declined: 3 });
  expect(dropped.outbox).toMatchObject([{ type: "password.dropped" }]);
  expect(dropPassword(dropped, now)).toBeUndefined();
  expect(dropPassword(account(), now)).toBeUndefined();
});
