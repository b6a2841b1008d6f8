/**
 * What the proof of a new passkey completes at a recovery: what was declared lost is suspended, and what is open ends,
 * at once or when the operator's delay is over.
 */

import type { Account } from "../../account/account.ts";
import { isCutOff } from "../../account/repair.ts";
import { addressOf } from "../entrance/base.ts";
import type { House } from "../page/house.ts";
import { HOME } from "../page/route.ts";
import type { Completion } from "../visit/completion.ts";
import { needsCodes } from "./renewed-codes.ts";

export const repair: Completion = {
  addedBy: "recovery",
  unproved: "pending",
  goesOn: ({ began = 0 }, account) => !isCutOff(account, { began }),
  async enrolModel(_house, _visit, account) {
    const others = account.passkeys.filter(({ state }) => state === "active");
    return others.length === 0 ? {} : { others: others.map(({ id, name }) => ({ id, name })) };
  },
  async proved(house, sitting, account, passkey) {
    const { grace, delay } = house.settingsOf(account.groups).recovery;
    const { by = "code", began = 0, lost = [] } = sitting;
    const input = { by, began, added: passkey.id, lost, grace, delay };
    const repaired = await house.accounts.completeRepair(account.id, input);
    const waits = repaired.repair?.starts !== undefined;
    if (!waits) await endEverything(house, repaired);
    await tellOfRecovery(house, repaired, passkey.name);
    if (waits) return "wait";
    return by === "code" && needsCodes(house, repaired) ? "codes" : "done";
  },
};

/**
 * Closes what an account has open before somebody is let in anew. Of the very second, too: what began a moment before
 * the end counts as later by the document, which knows seconds only.
 */
export async function endEverything(house: House, account: Account): Promise<void> {
  const { endedBefore = house.clock.now() } = account;
  await house.endSessions({ ...account, endedBefore: endedBefore + 1000 });
}

/** Every recovery is told on every channel, with the way to undo it. */
async function tellOfRecovery(house: House, account: Account, about: string): Promise<void> {
  const undo = addressOf(house.issuer, `${HOME}/recovery/undo`);
  await house.notify(account, { kind: "recovery_started", at: house.clock.now(), about, undo });
}
