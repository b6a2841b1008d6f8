/** `keys.adapter`: a host's adapter that only reads and then writes, with single use decided by our store. */
import type { Adapter, AdapterPayload } from "oidc-provider";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { singleUse } from "../../src/oidc/adapter/single-use.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { type Host, startHost } from "./host.ts";

/** What many hosts have: a map of their own, and no decision in it. */
class PlainAdapter implements Adapter {
  static readonly rows = new Map<string, AdapterPayload>();
  readonly model: string;

  constructor(model: string) {
    this.model = model;
  }
  #key = (id: string) => `${this.model}:${id}`;

  async upsert(id: string, payload: AdapterPayload) {
    PlainAdapter.rows.set(this.#key(id), payload);
  }
  async find(id: string) {
    const found = PlainAdapter.rows.get(this.#key(id));
    const seen = found && { ...found };
    // Long enough for everybody to have looked before anybody writes.
    if (this.model === "AuthorizationCode") await new Promise((resolve) => setTimeout(resolve, 100));
    return seen;
  }
  async findByUid(uid: string) {
    return [...PlainAdapter.rows.values()].find((row) => row.uid === uid);
  }
  async findByUserCode() {
    return undefined;
  }
  async consume(id: string) {
    const row = PlainAdapter.rows.get(this.#key(id));
    if (row) row.consumed = 1;
  }
  async destroy(id: string) {
    PlainAdapter.rows.delete(this.#key(id));
  }
  async revokeByGrantId() {}
}

describe.each(stores)("a host's adapter over $name", (kind) => {
  let store: OpenStore;
  const running: Host[] = [];

  beforeAll(async () => {
    store = await kind.open();
  });
  afterAll(async () => {
    for (const host of running) await host.stop();
    await store.close();
  });

  /** How many of parallel redemptions of one code get tokens. */
  async function winners(adapter: NonNullable<Parameters<typeof startHost>[0]["configuration"]>["adapter"]) {
    const host = await startHost({
      store: store.store,
      options: { firstParty: () => true },
      configuration: { adapter },
    });
    running.push(host);
    const app: RelyingParty = await host.app();
    const browser = host.browser();
    const request = await app.request({ prompt: "create" });
    const back = await browser.complete(await browser.open(request.url), {
      name: "New",
      email: "n@example.com",
    });
    const parameters = app.callback(request, back);
    const answers = await Promise.all(Array.from({ length: 8 }, () => app.redeem(request, parameters)));
    return answers.filter(({ status }) => status === 200).length;
  }

  it("SEC-84: alone gives one code to several; wrapped, to one", async () => {
    expect(await winners(PlainAdapter)).toBeGreaterThan(1);
    const wrapped = singleUse(store.store, systemClock, PlainAdapter);
    expect(await winners(wrapped)).toBe(1);
    const asFactory = singleUse(store.store, systemClock, (model) => new PlainAdapter(model));
    expect(await winners(asFactory)).toBe(1);
  });

  it("takes a proof once, also when it comes twice at once", async () => {
    const replays = singleUse(store.store, systemClock, PlainAdapter)("ReplayDetection");
    const both = await Promise.allSettled([1, 2].map(() => replays.upsert("jti", { jti: "jti" }, 60)));
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });
});
