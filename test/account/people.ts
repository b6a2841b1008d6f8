/** Accounts over a real store, for the tests of this room. */
import { afterAll, beforeAll, expect } from "vitest";
import { type Accounts, accounts } from "../../src/account/accounts.ts";
import { day } from "../../src/clock.ts";
import type { Event } from "../../src/events.ts";
import type { Key, Store } from "../../src/store/store.ts";
import type { OpenStore, StoreKind } from "../support/stores.ts";
import { NOON, passkey } from "./samples.ts";

let unique = 0;
/** A name nobody else in this file has. */
export const fresh = (what: string) => `${what}${unique++}`;

/** What a new account may be made of. */
export const person = <T extends object>(more?: T) => ({
  username: fresh("person"),
  passkey: passkey(fresh("credential")),
  ...more,
});

export const clock = { now: () => NOON };

export const refusal = (code: string) => expect.objectContaining({ code });

export interface Place {
  readonly store: Store;
  /** The same data through another handle, as another process has it. */
  readonly other: Store;
  /** What was announced so far. */
  told: Event[];
  /** The accounts over a store: this place's own when none is given. */
  here(store?: Store): Accounts;
  /** What the log has of an account. */
  logged(account: string): Promise<Event[]>;
}

/** Opens a store for all tests of the surrounding block. */
export function place(open: StoreKind["open"]): Place {
  let opened: OpenStore;
  let other: Store;
  const told: Event[] = [];
  beforeAll(async () => {
    opened = await open();
    other = await opened.reopen();
  });
  afterAll(() => opened.close());
  return {
    get store() {
      return opened.store;
    },
    get other() {
      return other;
    },
    told,
    here: (store = opened.store) => accounts({ store, clock, announce: (event) => told.push(event) }),
    async logged(account) {
      const events: Event[] = [];
      for await (const { event } of opened.store.tail(`audit:${day(NOON)}`)) {
        if (event.account === account) events.push(event);
      }
      return events;
    },
  };
}

/** The store, but something happens before each call of one method. */
export function meddled(
  store: Store,
  method: "append" | "commit" | "remove",
  first: (key: Key) => Promise<void> | void,
): Store {
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (name !== method) return typeof value === "function" ? value.bind(target) : value;
      return async (key: Key, ...rest: unknown[]) => {
        await first(key);
        return Reflect.apply(value, target, [key, ...rest]);
      };
    },
  });
}
