/** The first process's part, and a worker's, without processes: what they say to each other, and when. */
import { EventEmitter } from "node:events";
import { describe, expect, test, vi } from "vitest";
import { type Gathering, gathering, peersByChannel } from "../../src/command/serve/snapshots.ts";
import type { Membership } from "../../src/metrics/peers.ts";
import { merged, type Snapshot } from "../../src/metrics/snapshot.ts";

const of = (count: number, gauge: number): Snapshot => [
  { name: "c", help: "", type: "counter", aggregator: "sum", values: [{ labels: {}, value: count }] },
  { name: "g", help: "", type: "gauge", aggregator: "sum", values: [{ labels: {}, value: gauge }] },
];

/** Workers with a channel each to a first process. */
function crew(patience: number) {
  const workers = new Map<number, ReturnType<typeof worker>>();
  const first: Gathering = gathering(() => [...workers.values()].map(({ talker }) => talker), patience);

  function worker(id: number, own: () => Promise<Snapshot>) {
    const channel = Object.assign(new EventEmitter(), {
      send(message: unknown, _handle: unknown, _options: unknown, done: () => void) {
        first.hear(talker, structuredClone(message));
        done();
      },
    });
    const talker = {
      id,
      isConnected: () => true,
      send: (message: unknown) =>
        void queueMicrotask(() => channel.emit("message", structuredClone(message))),
    };
    const member: Membership = peersByChannel(channel as unknown as NodeJS.Process).join(own);
    return { talker, member };
  }

  return {
    add(id: number, own: () => Promise<Snapshot>) {
      workers.set(id, worker(id, own));
      return (workers.get(id) as ReturnType<typeof worker>).member;
    },
    end(id: number) {
      workers.delete(id);
      first.ended(id);
    },
  };
}

const never = () => new Promise<Snapshot>(() => {});

async function said(member: Membership): Promise<[count: number, gauge: number]> {
  const [count, gauge] = merged(await member.gather());
  return [count?.values[0]?.value ?? 0, gauge?.values[0]?.value ?? 0];
}

describe("what workers have counted", () => {
  test("is gathered for whichever of them asks, also when they ask at once", async () => {
    const { add } = crew(1_000);
    const [one, two] = [add(1, async () => of(1, 10)), add(2, async () => of(2, 20))];
    expect(await Promise.all([said(one), said(two), said(one)])).toEqual([
      [3, 30],
      [3, 30],
      [3, 30],
    ]);
  });

  test("stays when a worker ends: what it said at its end, or else what it said last", async () => {
    const { add, end } = crew(1_000);
    let counted = 2;
    const one = add(1, async () => of(1, 10));
    const two = add(2, async () => of(counted, 20));
    expect(await said(one)).toEqual([3, 30]);
    counted = 5;
    await two.leave();
    end(2);
    expect(await said(one)).toEqual([6, 10]);
    add(3, async () => of(100, 1));
    expect(await said(one)).toEqual([106, 11]);
    end(3);
    expect(await said(one)).toEqual([106, 10]);
  });

  test("of one that does not answer in time is what it said last, and nothing of what it is", async () => {
    const { add } = crew(50);
    const one = add(1, async () => of(1, 10));
    const own = vi.fn(async () => of(2, 20));
    add(2, own);
    expect(await said(one)).toEqual([3, 30]);
    own.mockImplementation(never);
    expect(await said(one)).toEqual([3, 10]);
  });

  test("of one that ends while it is asked is not waited for", async () => {
    const { add, end } = crew(60_000);
    const one = add(1, async () => of(1, 10));
    add(2, never);
    const asked = said(one);
    await vi.waitUntil(() => true);
    end(2);
    expect(await asked).toEqual([1, 10]);
  });

  test("messages about other things are none of theirs", () => {
    const first = gathering(() => []);
    const worker = { id: 1, isConnected: () => true, send: vi.fn() };
    for (const message of ["beat", null, undefined, 7, {}, { snapshots: "else" }])
      first.hear(worker, message);
    expect(worker.send).not.toHaveBeenCalled();
  });
});
