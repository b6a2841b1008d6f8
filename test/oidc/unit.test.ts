/** One request's work on the store: held back, seen by its own reads, sent as one, or not at all. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { newVersion } from "../../src/store/record.ts";
import type { Store } from "../../src/store/store.ts";
import { type UnitOfWork, unitOfWork } from "../../src/store/unit.ts";
import { openStore } from "../support/open-store.ts";
import { override } from "../support/override.ts";
import { stores } from "../support/stores.ts";

const TTL = 60_000;

describe.each(stores)("a unit of work over $name", (kind) => {
  const opened = openStore(kind);
  let store: Store;
  let unit: UnitOfWork;
  let calls: string[];
  let failing: string | undefined;

  beforeAll(async () => {
    const watched = (["read", "write", "commit", "remove"] as const).map((name) => [
      name,
      (...args: unknown[]) => {
        calls.push(`${name} ${args[0]}`);
        if (failing === `${name} ${args[0]}`) return Promise.reject(new Error("away"));
        return (opened.store[name] as (...args: unknown[]) => Promise<unknown>).apply(opened.store, args);
      },
    ]);
    store = override(opened.store, Object.fromEntries(watched) as Partial<Store>);
  });
  beforeEach(async () => {
    for (const key of ["k:1", "k:2"] as const) await opened.store.remove(key);
    unit = unitOfWork(store);
    calls = [];
    failing = undefined;
  });

  it("holds writes back until the request is done, and its own reads see them", async () => {
    await unit.run(async () => {
      await unit.write("k:1", { n: 1 }, TTL);
      expect(await opened.store.read("k:1")).toBeUndefined();
      expect((await unit.read("k:1"))?.value).toEqual({ n: 1 });
    });
    expect((await opened.store.read("k:1"))?.value).toEqual({ n: 1 });
    expect(calls).toEqual(["write k:1"]);
  });

  it("sends only the last of several writes under one key", async () => {
    await unit.run(async () => {
      for (const n of [1, 2, 3]) await unit.write("k:1", { n }, TTL);
    });
    expect(calls).toEqual(["write k:1"]);
    expect((await opened.store.read("k:1"))?.value).toEqual({ n: 3 });
  });

  it("takes at once what a request dismisses, and stores nothing of the request that comes second", async () => {
    await opened.store.write("k:2", {});
    const take = async () => {
      if ((await opened.store.take("k:2", newVersion())) === undefined) throw new Error("late");
    };
    const request = (n: number) =>
      unit.run(async () => {
        await unit.read("k:2");
        await unit.dismiss("k:2", take);
        expect(await unit.read("k:2")).toBeUndefined();
        await unit.write("k:1", { n }, TTL);
      });
    const [first, second] = await Promise.allSettled([request(1), request(2)]);
    expect([first.status, second.status].sort()).toEqual(["fulfilled", "rejected"]);
    expect((await opened.store.read("k:1"))?.value).toEqual({ n: first.status === "fulfilled" ? 1 : 2 });
    const third = unit.run(async () => {
      await unit.dismiss("k:2", take);
      await unit.decided();
      throw new Error("went on");
    });
    await expect(third).rejects.toThrow("late");
  });

  it("keeps nothing back that is written when the request is done already, and nothing of a failed one goes out", async () => {
    const late = async (fails: boolean) => {
      let after: Promise<void> = Promise.resolve();
      const done = unit.run(async () => {
        after = new Promise((resolve) => setImmediate(resolve)).then(() => unit.write("k:1", { fails }, TTL));
        if (fails) throw new Error("refused");
      });
      await done.catch(() => {});
      await after;
      return (await opened.store.read("k:1"))?.value;
    };
    expect(await late(true)).toBeUndefined();
    expect(await late(false)).toEqual({ fails: false });
  });

  it("sends nothing when the request fails", async () => {
    const request = unit.run(async () => {
      await unit.write("k:1", { n: 1 }, TTL);
      throw new Error("refused");
    });
    await expect(request).rejects.toThrow("refused");
    expect(await opened.store.read("k:1")).toBeUndefined();
  });

  it("rejects when any of what it held back is not stored", async () => {
    failing = "write k:2";
    const request = unit.run(async () => {
      await unit.write("k:1", { n: 1 }, TTL);
      await unit.write("k:2", { n: 2 }, TTL);
      return "answer";
    });
    await expect(request).rejects.toThrow("away");
    failing = undefined;
    await expect(unit.run(async () => "answer")).resolves.toBe("answer");
  });

  it("reads a key once, also when it was fetched ahead, and again after it was forgotten", async () => {
    await opened.store.write("k:1", { n: 1 });
    await unit.run(async () => {
      unit.prefetch("k:1");
      await unit.read("k:1");
      await unit.read("k:1");
      expect(calls).toEqual(["read k:1"]);
      await opened.store.write("k:1", { n: 2 });
      unit.forget("k:1");
      expect((await unit.read("k:1"))?.value).toEqual({ n: 2 });
    });
  });

  it("forgets a write that was held back", async () => {
    await unit.run(async () => {
      await unit.write("k:1", { n: 1 }, TTL);
      unit.forget("k:1");
    });
    expect(await opened.store.read("k:1")).toBeUndefined();
  });

  it("survives a read ahead that fails and that nobody wants", async () => {
    failing = "read k:1";
    await expect(unit.run(async () => unit.prefetch("k:1"))).resolves.toBeUndefined();
    await expect(unit.run(() => unit.read("k:1"))).rejects.toThrow("away");
  });

  it("says which version this request read, held writes aside, and absent when it read none", async () => {
    const version = newVersion();
    await opened.store.commit("k:1", { n: 1 }, { expect: "absent", version });
    await unit.run(async () => {
      expect(await unit.version("k:1")).toBe("absent");
      await unit.read("k:1");
      await unit.hold("k:1", { n: 2 }, async () => {});
      expect(await unit.version("k:1")).toBe(version);
    });
    expect(await unit.version("k:1")).toBe(version);
  });

  it("keeps requests apart, and outside of any goes straight to the store", async () => {
    let otherSaw: unknown = "nothing";
    await unit.run(async () => {
      await unit.write("k:1", { n: 1 }, TTL);
      const [seen] = await Promise.all([unitOfWork(store).run(() => opened.store.read("k:1"))]);
      otherSaw = seen;
    });
    expect(otherSaw).toBeUndefined();
    await unit.write("k:2", { n: 2 }, TTL);
    expect((await opened.store.read("k:2"))?.value).toEqual({ n: 2 });
  });

  it("a thousand requests at once see only what is theirs", async () => {
    const seen = await Promise.all(
      Array.from({ length: 1000 }, (_, n) =>
        unit.run(async () => {
          await unit.hold("k:1", { n }, async () => {});
          await new Promise(setImmediate);
          return (await unit.read<{ n: number }>("k:1"))?.value.n;
        }),
      ),
    );
    expect(seen).toEqual(seen.map((_, n) => n));
  });
});
