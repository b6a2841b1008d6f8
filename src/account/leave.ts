/** Leaving: the owner's wish, the days in which it can be taken back, and the end. */
import { randomUUID } from "node:crypto";
import { day } from "../clock.ts";
import { refuse } from "../errors.ts";
import { type Account, accountRecord } from "./account.ts";
import { forgetActivity } from "./activity.ts";
import { abandon, hintsTo, release } from "./directory.ts";
import { parseDisplayName } from "./names.ts";
import { type AccountsOptions, revise } from "./revise.ts";
import { endAllSessions } from "./sessions.ts";
import { type Moment, note } from "./transitions.ts";
import { assertUnwatched } from "./watch.ts";

/** @param at when it is deleted; milliseconds since the epoch. @throws `account_limited`, `account_watched` */
function scheduleDeletion(account: Account, at: number, now: Moment): Account {
  if (account.state !== "active") throw refuse("account_limited");
  assertUnwatched(account, now);
  return note({ ...account, deletion: { at } }, "deletion.scheduled", now);
}

function cancelDeletion(account: Account, now: Moment): Account | undefined {
  const { deletion, ...kept } = account;
  return deletion === undefined ? undefined : note(kept, "deletion.cancelled", now);
}

export function isDue({ deletion }: Account, now: { at: number }): boolean {
  return deletion !== undefined && deletion.at <= now.at;
}

/** @throws `name_invalid` */
function setName(account: Account, text: string, now: Moment): Account | undefined {
  const name = parseDisplayName(text);
  if (name === undefined) throw refuse("name_invalid");
  return name === account.name ? undefined : note({ ...account, name }, "account.renamed", now);
}

/** What an owner does with his account besides its ways in. */
export interface Leaving {
  /** @throws `account_unknown`, `name_invalid` */
  setName(id: string, name: string): Promise<Account>;
  /** Remembers that a further passkey was declined. @throws `account_unknown` */
  declineCoach(id: string): Promise<Account>;
  /** Ends everything that began before now. @throws `account_unknown` */
  endSessions(id: string): Promise<Account>;
  /** @param at milliseconds since the epoch. @throws `account_unknown`, `account_limited`, `account_watched` */
  scheduleDeletion(id: string, at: number): Promise<Account>;
  /** @throws `account_unknown` */
  cancelDeletion(id: string): Promise<Account>;
  /**
   * Deletes an account whose time has come; true for exactly one caller.
   *
   * @param how `whenever`: also one whose owner has not asked for it, at the operator's word
   */
  erase(id: string, how?: { whenever?: boolean }): Promise<boolean>;
}

export function leaving(options: AccountsOptions): Leaving {
  const durable = { durable: true };
  return {
    setName: (id, name) => revise(options, id, (account, now) => setName(account, name, now)),
    declineCoach: (id) => revise(options, id, (account, now) => ({ ...account, coach: { asked: now.at } })),
    endSessions: (id) => revise(options, id, endAllSessions, durable),
    scheduleDeletion: (id, at) =>
      revise(options, id, (account, now) => scheduleDeletion(account, at, now), durable),
    cancelDeletion: (id) => revise(options, id, cancelDeletion, durable),
    erase: (id, how = {}) => erase(options, id, how.whenever === true),
  };
}

/**
 * The end of an account: its document goes, and with it every name it held, which is free at once; what still points
 * to it points to nobody. True for exactly one caller, and false when it is not due any more.
 */
async function erase(
  { store, clock, announce }: AccountsOptions,
  id: string,
  whenever: boolean,
): Promise<boolean> {
  const found = await accountRecord.read(store, id);
  const at = clock.now();
  if (!found || (!whenever && !isDue(found.value, { at }))) return false;
  const event = { id: randomUUID(), type: "account.deleted", at, account: id } as const;
  // Before the document, which is the last that knows of it: of a repeat the log keeps both.
  await store.append(`audit:${day(at)}`, event, event.id);
  const hints = await hintsTo(store, found.value);
  if (!(await abandon(store, found.value, found.version, { durable: true }))) return false;
  await forgetActivity(store, id);
  // Names are addresses of people: they go now. What is left of them leads nowhere, and is swept.
  await Promise.allSettled(hints.map(({ held, seen }) => release(store, held, seen)));
  announce?.(event);
  return true;
}
