/** Activity on the owner's page: what happened, when, and from where. */
import type { Account } from "../../account/account.ts";
import { activityOf } from "../../account/activity.ts";
import type { ActivityModel } from "../../view/models.ts";
import type { House } from "../page/house.ts";

/** As many as somebody reads. */
const SHOWN = 20;

/** What the page shows of it, newest first. */
export async function activitySection(house: House, account: Account): Promise<ActivityModel[]> {
  const events = await activityOf(house.store, account.id);
  const names = new Map(account.passkeys.map(({ id, name }) => [id, name]));
  return events.slice(0, SHOWN).map(({ type, at, subject = "", from }) => {
    const about = names.get(subject);
    return { what: type, at: new Date(at).toISOString(), ...from, ...(about === undefined ? {} : { about }) };
  });
}
