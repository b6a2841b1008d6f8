/** The same contract on a set that Sentinel watches and on a cluster, both real. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectStore } from "../../src/store/connect.ts";
import type { Store } from "../../src/store/store.ts";
import { storeContract } from "../../src/testing/contract.ts";
import { matrix, withoutRedis } from "../support/redis.ts";
import { startCluster, startSentinelSet, type Topology } from "../support/topologies.ts";

const sets = matrix.flatMap(({ name, program }) => [
  { name: `a Sentinel set of ${name}`, start: () => startSentinelSet(program) },
  { name: `a cluster of ${name}`, start: () => startCluster(program) },
]);

describe.skipIf(withoutRedis).each(sets)("the store contract on $name", ({ start }) => {
  let topology: Topology;
  const open: Store[] = [];
  const reopen = async () => {
    const store = await connectStore(topology.url);
    open.push(store);
    return store;
  };
  beforeAll(async () => {
    topology = await start();
    await reopen();
  });
  afterAll(async () => {
    await Promise.all(open.map((store) => store.close()));
    await topology.stop();
  });

  for (const { title, run } of storeContract) test(title, () => run({ store: open[0] as Store, reopen }));

  test("a walk finds every key, on whichever server it lies", async () => {
    const store = open[0] as Store;
    await Promise.all(Array.from({ length: 300 }, (_, i) => store.write(`spread:${i}`, i)));
    const found = new Set<string>();
    for await (const { entries } of store.scan("spread")) for (const { key } of entries) found.add(key);
    expect(found.size).toBe(300);
  });
});
