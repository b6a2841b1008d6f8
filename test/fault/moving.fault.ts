/** F24: moves and backups of what Sentinel watches and of a cluster, while somebody works on it. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { accountRecord } from "../../src/account/account.ts";
import { connectStore } from "../../src/store/connect.ts";
import { operator } from "../command/operator.ts";
import { SECRET } from "../support/installation.ts";
import { patiently } from "../support/journal.ts";
import { withoutRedis } from "../support/redis.ts";
import { type StoreKind, stores } from "../support/stores.ts";
import { startCluster, startSentinelSet, type Topology } from "../support/topologies.ts";
import { furnish, openAt, passkey } from "../transfer/house.ts";
import { logical } from "../transfer/logical.ts";

const sets: [string, () => Promise<Topology>][] = [
  ["a set that Sentinel watches", startSentinelSet],
  ["a cluster", startCluster],
];

describe.skipIf(withoutRedis).each(sets)("F24 %s", (_, startSet) => {
  test("is copied to from an embedded store, and back, byte for byte, and verified", async () => {
    const [set, embedded] = await Promise.all([startSet(), (stores[0] as StoreKind).open()]);
    const admin = operator({ LATCHKEY_SECRET: SECRET });
    const store = await connectStore(set.url);
    try {
      const house = await openAt(embedded.url);
      await furnish(house);
      await house.close();
      const before = await logical(embedded.store);
      const there = await admin.run("store", "copy", embedded.url, set.url, "--yes", "--json");
      expect(there.code, there.err).toBe(0);
      expect(await logical(store)).toEqual(before);
      const verified = await on(set).run("store", "verify", "--json");
      expect(verified.json()).toMatchObject({ ok: true, found: 0 });

      // A broken reference is found on whichever node it is, and repaired.
      await store.remove("username:jane");
      for (const name of ["nobody", "nowhere", "none"])
        await store.write(`username:${name}`, { account: "gone", schema: 1 });
      const broken = await on(set).run("store", "verify", "--json");
      expect({ code: broken.code, ...broken.json() }).toMatchObject({ code: 1, found: 4 });
      const fixed = await on(set).run("store", "verify", "--fix", "--json");
      expect({ code: fixed.code, ...fixed.json() }).toMatchObject({ code: 0, found: 4, fixed: 4 });

      const after = await logical(store);
      const back = await admin.run("store", "copy", set.url, embedded.url, "--yes", "--json");
      expect(back.code, back.err).toBe(0);
      expect(await logical(embedded.store)).toEqual(after);
    } finally {
      admin.remove();
      await store.close();
      await Promise.all([set.stop(), embedded.close()]);
    }
  });

  test("is backed up under load; elsewhere there is everybody whose account was acknowledged before", async () => {
    const [set, target] = await Promise.all([startSet(), (stores[0] as StoreKind).open()]);
    const house = await patiently(() => openAt(set.url));
    const admin = on(set);
    const restorer = operator({ LATCHKEY_STORE: target.url, LATCHKEY_SECRET: SECRET });
    try {
      await furnish(house);
      const made: string[] = [];
      let working = true;
      const people = Array.from({ length: 8 }, async (_, person) => {
        for (let i = 0; working; i++) {
          const username = `p${person}-${i}`;
          const account = await house.accounts.create({ username, passkey: passkey(username) });
          made.push(account.id);
        }
      });
      await expect.poll(() => made.length, { timeout: 60_000 }).toBeGreaterThan(300);
      const acknowledged = [...made];
      const backed = await admin.run("store", "backup", "all.backup", "--json");
      expect(backed.code, backed.err).toBe(0);
      working = false;
      await Promise.all(people);
      const restored = await restorer.run(
        "store",
        "restore",
        join(admin.cwd, "all.backup"),
        "--yes",
        "--json",
      );
      expect(restored.code, restored.err).toBe(0);
      const lost = [];
      for (const id of acknowledged) {
        const found = await accountRecord.read(target.store, id);
        if (found?.value.state !== "active") lost.push(id);
      }
      expect(lost).toEqual([]);
      // An account that was being made while its names were being saved may miss one; that is what --fix is for.
      expect((await restorer.run("store", "verify", "--fix", "--json")).json()).toMatchObject({ ok: true });
      expect((await restorer.run("store", "verify", "--json")).json()).toMatchObject({ found: 0 });
      process.stdout.write(
        `F24: ${acknowledged.length} accounts acknowledged before, ${made.length} in all, 0 lost\n`,
      );
    } finally {
      admin.remove();
      restorer.remove();
      await house.close();
      await Promise.all([set.stop(), target.close()]);
    }
  });
});

function on({ url }: Topology) {
  return operator({ LATCHKEY_STORE: url, LATCHKEY_SECRET: SECRET });
}
