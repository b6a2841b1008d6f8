/** What is enough for a password to go, under each rule an operator may choose. */
import { describe, expect, it } from "vitest";
import type { Account } from "../../src/account/account.ts";
import { missingWays, type Removal } from "../../src/account/removal-guard.ts";
import { account, NOON, passkey } from "./samples.ts";

const one = "00000000-0000-0000-0000-00000000000a";
const two = "00000000-0000-0000-0000-00000000000b";
const saved = { created: NOON, left: ["fingerprint"] };
const used = { created: NOON, left: [] };
const key = (id: string, more = {}) => passkey(id, { state: "active", aaguid: one, ...more });
const synced = { backupEligible: true, backedUp: true };
const notYetSynced = { backupEligible: true, backedUp: false };
const hardware = { backupEligible: false, backedUp: false };

const none: string[] = [];
const first = ["passkey"];
const other = ["other_passkey"];
const codes = ["recovery_codes"];
const both = ["other_passkey", "recovery_codes"];

type Case = [what: string, account: Partial<Account>, missing: Record<Removal, string[]>];

const cases: Case[] = [
  ["nothing", { passkeys: [] }, { synced: first, independent: first, strict: first }],
  [
    "codes alone",
    { passkeys: [], recoveryCodes: saved },
    { synced: first, independent: first, strict: first },
  ],
  [
    "a passkey that is pending",
    { passkeys: [passkey("a", synced)] },
    { synced: first, independent: first, strict: first },
  ],
  ["one synced", { passkeys: [key("a", synced)] }, { synced: none, independent: both, strict: both }],
  [
    "one that may be synced and is not yet",
    { passkeys: [key("a", notYetSynced)] },
    { synced: other, independent: both, strict: both },
  ],
  [
    "one synced, and codes",
    { passkeys: [key("a", synced)], recoveryCodes: saved },
    { synced: none, independent: none, strict: other },
  ],
  [
    "one synced, and codes that are used up",
    { passkeys: [key("a", synced)], recoveryCodes: used },
    { synced: none, independent: both, strict: both },
  ],
  [
    "one security key",
    { passkeys: [key("a", hardware)] },
    { synced: other, independent: other, strict: both },
  ],
  [
    "one security key, and codes",
    { passkeys: [key("a", hardware)], recoveryCodes: saved },
    { synced: other, independent: other, strict: other },
  ],
  [
    "two of one provider",
    { passkeys: [key("a", synced), key("b", synced)] },
    { synced: none, independent: both, strict: both },
  ],
  [
    "two security keys of one model",
    { passkeys: [key("a", hardware), key("b", hardware)] },
    { synced: none, independent: both, strict: both },
  ],
  [
    "two security keys of one model, and codes",
    { passkeys: [key("a", hardware), key("b", hardware)], recoveryCodes: saved },
    { synced: none, independent: none, strict: other },
  ],
  [
    "one security key, and a suspended one of another provider",
    { passkeys: [key("a", hardware), key("b", { ...hardware, aaguid: two, state: "suspended" })] },
    { synced: other, independent: other, strict: both },
  ],
  [
    "two of different providers",
    { passkeys: [key("a", hardware), key("b", { ...hardware, aaguid: two })] },
    { synced: none, independent: none, strict: codes },
  ],
  [
    "two of different providers, and codes",
    { passkeys: [key("a", hardware), key("b", { ...hardware, aaguid: two })], recoveryCodes: saved },
    { synced: none, independent: none, strict: none },
  ],
];

describe.each(["synced", "independent", "strict"] as const)(
  "before a password goes by the rule %s",
  (removal) => {
    it.each(cases)("%s lacks what the rule says", (_, more, missing) => {
      expect(missingWays(account(more), { removal, codes: true })).toEqual({
        missing: missing[removal],
        needs: removal === "strict" ? "all" : "one",
      });
    });

    it.each(cases)("%s: codes that open nothing neither count nor are asked for", (_, { passkeys = [] }) => {
      const withCodes = account({ passkeys, recoveryCodes: saved });
      const asked = missingWays(account({ passkeys }), { removal, codes: true }).missing;
      expect(missingWays(withCodes, { removal, codes: false }).missing).toEqual(
        asked.filter((way) => way !== "recovery_codes"),
      );
    });
  },
);
