/**
 * What happened to an account, as its owner sees it: the newest events, in a record of their own. The audit log is the
 * operator's, has everything and cannot be asked for one account.
 */
import type { Event } from "../events.ts";
import { change } from "../store/change.ts";
import { recordKind } from "../store/record.ts";
import type { Store } from "../store/store.ts";

/** Newest first. */
interface Activity {
  events: Event[];
}

/** How many events are kept. */
const KEPT = 50;

const activityRecord = recordKind<Activity>("activity");

export async function rememberActivity(store: Store, accountId: string, event: Event): Promise<void> {
  await change(store, activityRecord, accountId, (current = { events: [] }) => {
    const { events } = current;
    if (events.some(({ id }) => id === event.id)) return { value: undefined, result: undefined };
    const newest = [event, ...events].sort((a, b) => b.at - a.at).slice(0, KEPT);
    return { value: { events: newest }, result: undefined };
  });
}

/** The newest events of an account, newest first. */
export async function activityOf(store: Store, accountId: string): Promise<Event[]> {
  return (await activityRecord.read(store, accountId))?.value.events ?? [];
}

export async function forgetActivity(store: Store, accountId: string): Promise<void> {
  await store.remove(activityRecord.key(accountId));
}
