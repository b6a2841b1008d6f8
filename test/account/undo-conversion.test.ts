/** "It wasn't me": what was made with somebody else's knowledge of a password is undone, and nothing older. */
import { describe, expect, it } from "vitest";
import type { Account } from "../../src/account/account.ts";
import { closePassword } from "../../src/account/password-way.ts";
import { cancelRepair, completeRepair, startRepair } from "../../src/account/repair.ts";
import { activatePasskey, addPasskey, removePasskey } from "../../src/account/transitions.ts";
import { mayUndo, undoConversion } from "../../src/account/undo-conversion.ts";
import { UNDO, WATCH } from "../../src/account/watch.ts";
import { account, NOON, passkey } from "./samples.ts";

const at = (minutes: number) => ({ at: NOON + minutes * 60_000, event: `event at ${minutes}` });
const refusal = (code: string) => expect.objectContaining({ code });
const states = ({ passkeys }: Account) => Object.fromEntries(passkeys.map(({ id, state }) => [id, state]));
const quiet = (one: Account): Account => ({ ...one, outbox: [] });

/** An account that had a password, and perhaps more, before somebody typed it. */
function legacy(more: Partial<Account> = {}): Account {
  return account({ passkeys: [], password: { state: "open", since: NOON - 1 }, ...more });
}

function add(
  to: Account,
  id: string,
  minutes: number,
  addedBy: "conversion" | "account" = "account",
): Account {
  const pending = addPasskey(to, passkey(id, { addedBy }), at(minutes));
  return quiet(activatePasskey(pending, id, at(minutes), addedBy === "conversion" ? "link" : undefined));
}

function converted(more: Partial<Account> = {}): Account {
  const both = add(legacy(more), "thief", 10, "conversion");
  return quiet(closePassword(both, { passkey: "thief", undo: "link" }, at(11))!);
}

describe("SEC-131 a passkey that a password makes", () => {
  it("is watched from the moment it signs in, whether or not the sitting comes to its end", () => {
    const { watch, password } = add(legacy(), "thief", 10, "conversion");
    expect(password?.state).toBe("open");
    expect(watch).toEqual({
      until: at(10).at + WATCH,
      passkeys: ["thief"],
      undo: { links: ["link"], since: at(10).at, until: at(10).at + UNDO },
    });
    expect(add(legacy(), "owner", 10).watch).toBeUndefined();
  });

  it("is watched anew when the password closes, back to when the first one was made", () => {
    const { watch } = converted();
    expect(watch).toEqual({
      until: at(11).at + WATCH,
      passkeys: ["thief"],
      undo: { links: ["link"], since: at(10).at, until: at(11).at + UNDO },
    });
  });

  it("for a day lets nobody remove a way in, and after it does", () => {
    const both = add(converted(), "second", 12);
    expect(() => removePasskey(both, "second", at(20))).toThrow(refusal("account_watched"));
    expect(states(removePasskey(both, "second", { at: both.watch!.until, event: "later" }))).toEqual({
      thief: "active",
    });
  });
});

describe("SEC-131 It wasn't me", () => {
  it("suspends it, closes the password and ends what is open", () => {
    const undone = undoConversion(converted(), "link", at(60));
    expect(states(undone)).toEqual({ thief: "suspended" });
    expect(undone).toMatchObject({ password: { state: "closed" }, endedBefore: at(60).at });
    expect(undone.outbox).toEqual([
      {
        id: "event at 60",
        type: "conversion.undone",
        at: at(60).at,
        account: undone.id,
        detail: { suspended: 1 },
      },
    ]);
  });

  it("closes a password that is still open: somebody else knows it", () => {
    const both = add(legacy(), "thief", 10, "conversion");
    const undone = undoConversion(both, "link", at(60));
    expect(undone.password).toEqual({ state: "closed", since: at(60).at });
  });

  it("leaves what the owner had before, and takes whatever was added since", () => {
    const before = { passkeys: [passkey("old", { state: "active", created: NOON })] };
    const grown = add(converted({ ...before }), "second", 30);
    expect(states(undoConversion(grown, "link", at(60)))).toEqual({
      old: "active",
      thief: "suspended",
      second: "suspended",
    });
  });

  it("lets nothing through that is under way", () => {
    const pending = addPasskey(converted(), passkey("third"), at(59));
    const undone = undoConversion(pending, "link", at(60));
    expect(() => activatePasskey(undone, "third", at(61))).toThrow(refusal("passkey_unknown"));
    expect(states(activatePasskey(pending, "third", at(61)))).toMatchObject({ third: "active" });
  });

  it.each([
    ["from before, which stay", -1, true],
    ["from since, which go", 30, false],
  ])("knows recovery codes %s", (_, minutes, stay) => {
    const recoveryCodes = { created: at(minutes).at, left: ["code"] };
    const undone = undoConversion({ ...converted(), recoveryCodes }, "link", at(60));
    expect(undone.recoveryCodes).toEqual(stay ? recoveryCodes : undefined);
  });

  it("takes passes away", () => {
    const passes = [{ fingerprint: "pass", issued: at(20).at, expires: at(99).at, by: "cli" }];
    expect(undoConversion({ ...converted(), passes }, "link", at(60)).passes).toBeUndefined();
  });

  /** A recovery that makes a passkey and says which ones are lost. */
  function recover(account: Account, added: string, minutes: number, lost: string[], delay = 0): Account {
    const held = quiet(addPasskey(account, passkey(added, { addedBy: "recovery" }), at(minutes)));
    const began = at(minutes).at;
    const input = { by: "code" as const, began, added, lost, delay, grace: UNDO };
    return quiet(completeRepair(held, input, at(minutes + 1)));
  }
  const old = () => [passkey("old", { state: "active", created: NOON })];

  it("leaves no passkey that may speak against the owner's recovery", () => {
    const undone = quiet(undoConversion(converted(), "link", at(60)));
    const repaired = recover(undone, "new", 70, ["thief"]);
    expect(states(repaired)).toEqual({ thief: "suspended", new: "active" });
    expect(() => cancelRepair(repaired, "thief", at(72))).toThrow(refusal("passkey_unknown"));
  });

  it("nor one that a recovery had declared lost before", () => {
    const repaired = recover(converted(), "new", 20, ["thief"]);
    expect(states(cancelRepair(repaired, "thief", at(22)))).toEqual({ thief: "active" });
    const undone = quiet(undoConversion(repaired, "link", at(60)));
    expect(states(undone)).toEqual({ thief: "suspended", new: "suspended" });
    expect(() => cancelRepair(undone, "thief", at(61))).toThrow(refusal("passkey_unknown"));
  });

  it("gives back what somebody else's recovery declared lost, and lets that recovery never take effect", () => {
    const repaired = recover(converted({ passkeys: old() }), "his", 20, ["old"]);
    expect(states(repaired)).toEqual({ old: "suspended", thief: "active", his: "active" });
    const undone = undoConversion(repaired, "link", at(60));
    expect(states(undone)).toEqual({ old: "active", thief: "suspended", his: "suspended" });

    const waiting = recover(converted({ passkeys: old() }), "his", 20, ["old"], WATCH);
    expect(states(startRepair(waiting, { at: at(21).at + WATCH, event: "in time" })!)).toMatchObject({
      his: "active",
    });
    const stopped = quiet(undoConversion(waiting, "link", at(60)));
    expect(startRepair(stopped, { at: at(21).at + WATCH, event: "in time" })).toBeUndefined();
    expect(states(stopped)).toEqual({ old: "active", thief: "suspended", his: "suspended" });
  });

  it("leaves a recovery that was the owner's own before", () => {
    const repaired = recover(legacy({ passkeys: old() }), "new", 1, ["old"]);
    const both = add(repaired, "thief", 10, "conversion");
    const undone = undoConversion(both, "link", at(60));
    expect(states(undone)).toEqual({ old: "suspended", new: "active", thief: "suspended" });
    expect(undone.repair).toMatchObject({ added: ["new"], lost: ["old"] });
  });

  it.each([
    ["another link", converted(), "other", at(60)],
    ["a used one", quiet(undoConversion(converted(), "link", at(50))), "link", at(60)],
    ["one that is two weeks old", converted(), "link", { at: at(11).at + UNDO, event: "late" }],
    ["any, for a disabled account", { ...converted(), state: "disabled" as const }, "link", at(60)],
    ["any, where no password made a passkey", account(), "link", at(60)],
  ])("is refused: %s", (_, one, link, now) => {
    expect(mayUndo(one, link, now)).toBe(false);
    expect(() => undoConversion(one, link, now)).toThrow(refusal("undo_link_invalid"));
    const last = { at: at(11).at + UNDO - 1, event: "last" };
    expect(undoConversion(converted(), "link", last).endedBefore).toBe(last.at);
  });
});
