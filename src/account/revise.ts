/** How an account is changed: read, decide, commit, and tell of it. */
import { randomUUID } from "node:crypto";
import { type Clock, day } from "../clock.ts";
import { isRefusal, refuse } from "../errors.ts";
import type { Event, Listener, Origin } from "../events.ts";
import { change } from "../store/change.ts";
import type { Store } from "../store/store.ts";
import { type Account, accountRecord } from "./account.ts";
import { rememberActivity } from "./activity.ts";
import type { Moment } from "./transitions.ts";

/** What the use cases of this room work with. */
export interface AccountsOptions {
  store: Store;
  clock: Clock;
  /** Is told of every event once its write is committed. */
  announce?: Listener;
  /** Where the present request comes from, for those who later ask who did it. */
  from?: () => Origin | undefined;
}

/** A pure step; `undefined` leaves the account as it is. */
export type Transition = (account: Account, now: Moment) => Account | undefined;

/** The present moment, with a fresh id for the event that may tell of it. */
export function moment({ clock, from }: Pick<AccountsOptions, "clock" | "from">): Moment {
  const origin = from?.();
  return { at: clock.now(), event: randomUUID(), ...(origin === undefined ? {} : { from: origin }) };
}

/**
 * Changes one account by a transition and returns what it became. Events that still wait in the document are
 * logged first and leave with this write.
 *
 * @throws `account_unknown`, `store_conflict`, and what the transition refuses.
 */
export async function revise(
  options: AccountsOptions,
  id: string,
  transition: Transition,
  how: { durable?: boolean } = {},
): Promise<Account> {
  const now = moment(options);
  const logged = await logWaiting(options.store, id);
  const decide = (current: Account | undefined) => {
    if (current === undefined || current.state === "pending") throw refuse("account_unknown");
    const outbox = current.outbox.filter((event) => !logged.has(event.id));
    const value = transition({ ...current, outbox }, now);
    return { value, result: value ?? current };
  };
  // Whoever is told that all is done already relies on it as much as whoever did it.
  const isSettled = how.durable === true;
  const revised = await change(options.store, accountRecord, id, decide, { ...how, isSettled });
  await publish(options, revised, now);
  return revised;
}

/** Logs and announces the event of this moment, if the write noted one. */
export async function publish(options: AccountsOptions, account: Account, now: Moment): Promise<void> {
  const event = account.outbox.find((noted) => noted.id === now.event);
  if (event === undefined) return;
  try {
    await log(options.store, event);
  } catch (error) {
    // It waits in the document, and the next writer or the sweeper logs it: the change itself is done.
    if (!isRefusal(error)) throw error;
  }
  options.announce?.(event);
}

/**
 * Logs one event, and keeps it among those that its owner sees. A repeat does nothing: both know the event by its id,
 * and the day is the event's own.
 */
export async function log(store: Store, event: Event): Promise<void> {
  await Promise.all([
    store.append(`audit:${day(event.at)}`, event, event.id),
    event.account === undefined ? undefined : rememberActivity(store, event.account, event),
  ]);
}

/** Logs what waits in a document and returns the ids that need not wait any longer. */
async function logWaiting(store: Store, id: string): Promise<Set<string>> {
  const current = await accountRecord.read(store, id);
  const waiting = current?.value.outbox ?? [];
  for (const event of waiting) await log(store, event);
  return new Set(waiting.map((event) => event.id));
}
