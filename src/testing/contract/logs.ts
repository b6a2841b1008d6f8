/** Logs: appended once, told in order. */
import assert from "node:assert/strict";
import type { Event } from "../../events.ts";
import { type Check, collect, times, unique } from "./check.ts";

function event(subject: string): Event {
  return { id: unique(), type: "account.created", at: 1, subject, detail: { first: true } };
}

async function subjects(tail: AsyncIterable<{ event: Event }>): Promise<(string | undefined)[]> {
  return (await collect(tail)).map(({ event: { subject } }) => subject);
}

export const logs: Check[] = [
  {
    title: "a log tells its events in the order in which they were appended",
    async run({ store }) {
      const log = `contract:${unique()}` as const;
      assert.deepEqual(await collect(store.tail(log)), []);
      const events = Array.from({ length: 30 }, (_, i) => event(String(i)));
      for (const one of events) await store.append(log, one, one.id);
      const told = await collect(store.tail(log));
      assert.deepEqual(
        told.map(({ event: one }) => one),
        events,
      );
    },
  },
  {
    title: "a log goes on after a cursor, from any place",
    async run({ store, reopen }) {
      const log = `contract:${unique()}` as const;
      for (const subject of ["0", "1", "2", "3"]) await store.append(log, event(subject), subject);
      const told = await collect(store.tail(log));
      const other = await reopen();
      for (const [i, { cursor }] of told.entries()) {
        assert.deepEqual(await subjects(other.tail(log, cursor)), ["1", "2", "3"].slice(i));
      }
      await other.append(log, event("4"), "4");
      assert.deepEqual(await subjects(store.tail(log, told.at(-1)?.cursor)), ["4"]);
      await other.close();
    },
  },
  {
    title: "an event that is appended again stays where it is, even much later",
    async run({ store }) {
      const log = `contract:${unique()}` as const;
      const first = event("first");
      await store.append(log, first, "op");
      await store.append(log, first, "op");
      await store.append(log, event("second"), "op2");
      await store.append(log, { ...first }, "op");
      assert.deepEqual(await subjects(store.tail(log)), ["first", "second"]);
    },
  },
  {
    title: "events appended at once are all told, and more than a page of them",
    async run({ store }) {
      const log = `contract:${unique()}` as const;
      await times(1100, (i) => store.append(log, event(String(i)), String(i)));
      const told = await collect(store.tail(log));
      assert.equal(new Set(told.map(({ event: { subject } }) => subject)).size, 1100);
      assert.equal(new Set(told.map(({ cursor }) => cursor)).size, 1100);
      assert.equal(told.length, 1100);
    },
  },
  {
    title: "logs whose names begin alike do not mix",
    async run({ store }) {
      const name = unique();
      await store.append(`contract:${name}`, event("a"), "a");
      await store.append(`contract:${name}x`, event("b"), "b");
      assert.deepEqual(await subjects(store.tail(`contract:${name}`)), ["a"]);
      assert.deepEqual(await subjects(store.tail(`contract:${name}x`)), ["b"]);
    },
  },
];
