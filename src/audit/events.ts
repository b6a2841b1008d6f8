/** The log as it is read: a part for each day, each in the order in which it was written. */
import { day } from "../clock.ts";
import type { Event } from "../events.ts";
import type { Cursor, Key, Store } from "../store/store.ts";

const DAY = 24 * 60 * 60 * 1000;

export const logOf = (date: string): Key => `audit:${date}`;

/** The days from one to another, both included, as `2026-11-22`. */
export function days(from: string, to: string): string[] {
  const all: string[] = [];
  for (let at = Date.parse(from); at <= Date.parse(to); at += DAY) all.push(day(at));
  return all;
}

export interface Wanted {
  from: string;
  to: string;
  account?: string | undefined;
  type?: string | undefined;
}

export async function* eventsOf(
  store: Store,
  { from, to, account, type }: Wanted,
): AsyncGenerator<{ event: Event; cursor: Cursor }> {
  for (const date of days(from, to)) {
    for await (const entry of store.tail(logOf(date))) {
      const { event } = entry;
      if (account !== undefined && event.account !== account) continue;
      if (type === undefined || event.type === type) yield entry;
    }
  }
}

/** The newest of them, oldest first. */
export async function newest(store: Store, wanted: Wanted, count: number): Promise<Event[]> {
  let found: Event[] = [];
  for (const date of days(wanted.from, wanted.to).reverse()) {
    const ofDay: Event[] = [];
    for await (const { event } of eventsOf(store, { ...wanted, from: date, to: date })) {
      if (ofDay.push(event) > count) ofDay.shift();
    }
    found = [...ofDay, ...found].slice(-count);
    if (found.length === count) break;
  }
  return found;
}
