/** What the proof of a new passkey completes at a recovery: what was declared lost is suspended, and what is open ends. */
import type { Completion } from "./completion.ts";

export const repair: Completion = {
  addedBy: "recovery",
  async enrolModel(_house, _visit, account) {
    const others = account.passkeys.filter(({ state }) => state === "active");
    return others.length === 0 ? {} : { others: others.map(({ id, name }) => ({ id, name })) };
  },
  async proved(house, sitting, account, passkey) {
    const { grace } = house.settingsOf(account.groups).recovery;
    const { by = "code", lost = [] } = sitting;
    const repaired = await house.accounts.completeRepair(account.id, { by, added: passkey.id, lost, grace });
    await house.endSessions(repaired);
    await house.notify(repaired, { kind: "recovery_started", at: house.clock.now(), about: passkey.name });
  },
};
