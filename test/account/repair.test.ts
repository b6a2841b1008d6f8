/** A recovery: what it adds, what it suspends, who may object, and what is left of it. */
import { describe, expect, it } from "vitest";
import type { Account } from "../../src/account/account.ts";
import { issuePass } from "../../src/account/passes.ts";
import {
  ALL_OTHERS,
  cancelRepair,
  completeRepair,
  endRepair,
  type RepairInput,
  startRepair,
} from "../../src/account/repair.ts";
import { isDeclaredLost, mayObject } from "../../src/account/tentative.ts";
import { activatePasskey, addPasskey, PASSKEY_LIMIT, removePasskey } from "../../src/account/transitions.ts";
import { account, NOON, passkey } from "./samples.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const at = (time: number, event = `event-${time}`) => ({ at: NOON + time, event });
const refusal = (code: string) => expect.objectContaining({ code });
const states = ({ passkeys }: Account) => Object.fromEntries(passkeys.map(({ id, state }) => [id, state]));

/** The owner, with a phone and a key that he has had for long. */
const owner = account({
  passkeys: [
    passkey("phone", { state: "active", created: NOON - 90 * DAY }),
    passkey("key", { state: "active", created: NOON - 30 * DAY }),
  ],
  recoveryCodes: { created: NOON - DAY, left: ["one", "two"] },
});

/** Somebody recovers: the code is used at `time`, the passkey proved a minute later. */
function recover(before: Account, added: string, time: number, more: Partial<RepairInput> = {}): Account {
  const made = addPasskey(before, passkey(added, { addedBy: "recovery" }), at(time + 30_000));
  const input = {
    by: "code",
    began: NOON + time,
    added,
    lost: [],
    delay: 0,
    grace: 7 * DAY,
    ...more,
  } as const;
  return { ...completeRepair(made, input, at(time + 60_000)), outbox: [] };
}

describe("a recovery", () => {
  it("activates what was made, suspends what was declared lost, and ends what was open", () => {
    const after = recover(owner, "new", 0, { lost: ["phone"] });
    expect(states(after)).toEqual({ phone: "suspended", key: "active", new: "active" });
    expect(after).toMatchObject({
      repair: { by: "code", since: NOON + 60_000, added: ["new"], lost: ["phone"] },
      endedBefore: NOON + 60_000,
    });
    expect(after.recoveryCodes?.left).toEqual(["one", "two"]);
  });

  it("suspends every other passkey that is active when all are declared lost, and never the new one", () => {
    const after = recover(owner, "new", 0, { lost: [ALL_OTHERS] });
    expect(states(after)).toEqual({ phone: "suspended", key: "suspended", new: "active" });
    expect(after.repair?.lost).toEqual(["phone", "key"]);
    expect(mayObject(after, "key", at(DAY))).toBe(true);
  });

  it("gives nothing before the proof: the passkey is pending, and only a pending one completes it", () => {
    const made = addPasskey(owner, passkey("new", { addedBy: "recovery" }), at(0));
    expect(states(made).new).toBe("pending");
    const input = { by: "code", began: NOON - 1, lost: [], delay: 0, grace: DAY } as const;
    expect(() => completeRepair(made, { ...input, added: "key" }, at(1))).toThrow(refusal("passkey_unknown"));
    expect(states(completeRepair(made, { ...input, added: "new" }, at(1))).new).toBe("active");
  });

  it("has room for its passkey where an account is full, which nobody else has", () => {
    const full = account({
      passkeys: Array.from({ length: PASSKEY_LIMIT }, (_, n) =>
        passkey(`p${n}`, { state: "active", created: NOON - DAY }),
      ),
    });
    expect(() => addPasskey(full, passkey("new", { addedBy: "account" }), at(0))).toThrow(
      refusal("passkey_limit"),
    );
    expect(states(recover(full, "new", 0)).new).toBe("active");
  });

  it("SEC-53 ends every pass, and after a pass the codes, which somebody else may have", () => {
    const pass = { fingerprint: "f", expires: NOON + DAY, by: "cli" };
    const after = recover(issuePass(owner, pass, at(0)), "new", 0, { by: "pass" });
    expect(after).not.toHaveProperty("passes");
    expect(after).not.toHaveProperty("recoveryCodes");
  });

  it("SEC-54 nobody issues a pass for himself", () => {
    const pass = { fingerprint: "f", expires: NOON + DAY };
    expect(() => issuePass(owner, { ...pass, by: owner.id }, at(0))).toThrow(refusal("account_limited"));
    expect(issuePass(owner, { ...pass, by: "boss" }, at(0)).passes).toHaveLength(1);
  });

  it("revokes what was declared lost when the grace time is over, and not before", () => {
    const after = recover(owner, "new", 0, { lost: ["phone"] });
    expect(endRepair(after, at(6 * DAY))).toBeUndefined();
    const ended = endRepair(after, at(8 * DAY)) as Account;
    expect(states(ended)).toEqual({ key: "active", new: "active" });
    expect(ended).not.toHaveProperty("repair");
  });

  it("that follows an old one nobody has swept yet leaves nothing suspended for ever", () => {
    const first = recover(owner, "new", 0, { lost: ["phone"] });
    const second = recover(first, "newer", 8 * DAY, { lost: ["key"] });
    expect(states(second)).toEqual({ key: "suspended", new: "active", newer: "active" });
    expect(second.repair).toMatchObject({ added: ["newer"], lost: ["key"] });
  });
});

describe("SEC-133 who objects to a recovery", () => {
  const robbed = recover(owner, "thief", 0, { lost: ["phone", "key"] });

  it("held a passkey before it, whether or not it was declared lost", () => {
    for (const objector of ["phone", "key"]) {
      const restored = cancelRepair(robbed, objector, at(HOUR));
      expect(states(restored)).toEqual({ phone: "active", key: "active" });
      expect(restored).not.toHaveProperty("repair");
      expect(restored).not.toHaveProperty("recoveryCodes");
      expect(restored.endedBefore).toBe(NOON + HOUR);
    }
    const quiet = recover(owner, "thief", 0);
    expect(states(cancelRepair(quiet, "key", at(HOUR)))).toEqual({ phone: "active", key: "active" });
  });

  it("does so only within the grace time", () => {
    expect(() => cancelRepair(robbed, "phone", at(8 * DAY))).toThrow(refusal("passkey_unknown"));
    expect(isDeclaredLost(robbed, "phone", at(6 * DAY))).toBe(true);
    expect(isDeclaredLost(robbed, "phone", at(8 * DAY))).toBe(false);
  });

  it("is never the passkey that the recovery made, nor one that was added since", () => {
    const grown = activatePasskey(
      addPasskey(robbed, passkey("second", { addedBy: "account" }), at(HOUR)),
      "second",
      at(HOUR),
    );
    for (const tentative of ["thief", "second", "unknown"]) {
      expect(mayObject(grown, tentative, at(HOUR))).toBe(false);
      expect(() => cancelRepair(grown, tentative, at(HOUR))).toThrow(refusal("passkey_unknown"));
    }
    expect(states(cancelRepair(grown, "phone", at(2 * HOUR)))).toEqual({ phone: "active", key: "active" });
  });

  it("is no passkey that was suspended for another reason", () => {
    const passkeys = [...owner.passkeys, passkey("stolen", { state: "suspended", created: NOON - DAY })];
    const after = recover({ ...owner, passkeys }, "new", 0, { lost: ["phone", "stolen"] });
    expect(mayObject(after, "stolen", at(HOUR))).toBe(false);
    expect(mayObject(after, "phone", at(HOUR))).toBe(true);
  });

  it("stops a second recovery that was begun before, at whatever step it is", () => {
    const second = addPasskey(robbed, passkey("again", { addedBy: "recovery" }), at(HOUR));
    const restored = cancelRepair(second, "phone", at(2 * HOUR));
    expect(states(restored)).toEqual({ phone: "active", key: "active" });
    const late = addPasskey(restored, passkey("late", { addedBy: "recovery" }), at(3 * HOUR));
    const input = { by: "code", added: "late", lost: ["phone"], delay: 0, grace: DAY } as const;
    expect(() => completeRepair(late, { ...input, began: NOON + HOUR }, at(3 * HOUR))).toThrow(
      refusal("ceremony_expired"),
    );
    expect(states(completeRepair(late, { ...input, began: NOON + 3 * HOUR }, at(3 * HOUR))).late).toBe(
      "active",
    );
  });

  it("is heard after a second recovery, too, which takes what the first one made away at once", () => {
    const helped = recover(robbed, "helped", DAY, { by: "pass", lost: ["thief"] });
    expect(states(helped)).toEqual({ phone: "suspended", key: "suspended", helped: "active" });
    expect(helped.repair).toMatchObject({ since: robbed.repair?.since, added: ["helped"] });
    expect(states(cancelRepair(helped, "key", at(2 * DAY)))).toEqual({ phone: "active", key: "active" });
  });
});

describe("SEC-133 within the grace time", () => {
  const quiet = recover(owner, "thief", 0);

  it("nothing that opened the account before goes, whoever is signed in; what came since may", () => {
    for (const id of ["phone", "key"]) {
      expect(() => removePasskey(quiet, id, at(HOUR))).toThrow(refusal("account_recovering"));
    }
    expect(states(removePasskey(quiet, "thief", at(HOUR)))).toEqual({ phone: "active", key: "active" });
    const settled = endRepair(quiet, at(8 * DAY)) as Account;
    expect(states(removePasskey(settled, "phone", at(8 * DAY)))).toEqual({ key: "active", thief: "active" });
  });

  it("what is suspended is not removed either", () => {
    const robbed = recover(owner, "thief", 0, { lost: ["phone"] });
    expect(() => removePasskey(robbed, "phone", at(HOUR))).toThrow(refusal("account_recovering"));
  });
});

describe("a recovery with a delay", () => {
  const waiting = recover(owner, "new", 0, { lost: ["phone"], delay: DAY });

  it("changes nothing before it is over", () => {
    expect(states(waiting)).toEqual({ phone: "active", key: "active", new: "suspended" });
    expect(waiting.endedBefore).toBeUndefined();
    expect(waiting.repair).toMatchObject({ starts: NOON + 60_000 + DAY, until: NOON + 60_000 + 8 * DAY });
    expect(startRepair(waiting, at(HOUR))).toBeUndefined();
    expect(endRepair(waiting, at(30 * DAY))).toBeUndefined();
  });

  it("takes effect then, and is undone by who was there before, before and after", () => {
    const started = startRepair(waiting, at(2 * DAY)) as Account;
    expect(states(started)).toEqual({ phone: "suspended", key: "active", new: "active" });
    expect(started.repair).not.toHaveProperty("starts");
    expect(started.endedBefore).toBe(NOON + 2 * DAY);
    for (const one of [waiting, started]) {
      const restored = cancelRepair({ ...one, outbox: [] }, "phone", at(2 * DAY + 1));
      expect(states(restored)).toEqual({ phone: "active", key: "active" });
      expect(startRepair(restored, at(3 * DAY))).toBeUndefined();
    }
  });
});
