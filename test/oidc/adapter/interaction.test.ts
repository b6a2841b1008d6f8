/** An interaction that went on does not come back, whoever still had it open. */
import { randomBytes } from "node:crypto";
import type { Adapter } from "oidc-provider";
import { beforeAll, describe, expect, it } from "vitest";
import "../../support/prototypes.ts";
import { systemClock } from "../../../src/clock.ts";
import { adapterFactory } from "../../../src/oidc/adapter.ts";
import { clients } from "../../../src/oidc/client/clients.ts";
import type { Store } from "../../../src/store/store.ts";
import { type UnitOfWork, unitOfWork } from "../../../src/store/unit.ts";
import { anyDevice } from "../../support/devices.ts";
import { openStore } from "../../support/open-store.ts";
import { stores } from "../../support/stores.ts";

describe.each(stores)("interactions over $name", (kind) => {
  const opened = openStore(kind);
  let unit: UnitOfWork;
  let interactions: Adapter;

  beforeAll(async () => {
    const store: Store = opened.store;
    unit = unitOfWork(store);
    const registry = clients({ store, clock: systemClock, announce: () => {} });
    const model = adapterFactory({ store, unit, clients: registry, clock: systemClock, ...anyDevice });
    interactions = model("Interaction");
  });

  async function begun(): Promise<string> {
    const id = randomBytes(32).toString("base64url");
    await unit.run(() => interactions.upsert(id, { uid: id, kind: "Interaction" }, 60));
    return id;
  }
  /** A request that reads the interaction, lets `meanwhile` happen, and writes what it decided. */
  const decide = (id: string, result: object, meanwhile: () => Promise<unknown> = async () => {}) =>
    unit.run(async () => {
      const found = await interactions.find(id);
      await meanwhile();
      await interactions.upsert(id, { ...found, result } as never, 60);
    });
  const goesOn = (id: string) => unit.run(() => interactions.destroy(id) as Promise<void>);

  it("keeps what a request decided, and goes on once", async () => {
    const id = await begun();
    await decide(id, { login: { accountId: "jane" } });
    expect(await unit.run(() => interactions.find(id) as Promise<object>)).toMatchObject({
      result: { login: { accountId: "jane" } },
    });
    await goesOn(id);
    await expect(goesOn(id)).rejects.toThrow();
  });

  it("SEC-75 is not brought back by a request that still had it open when it went on", async () => {
    const id = await begun();
    const late = decide(id, { login: {} }, () => goesOn(id));
    await expect(late).rejects.toMatchObject({ code: "interaction_expired" });
    expect(await interactions.find(id)).toBeUndefined();
  });

  it("SEC-75 takes one of two decisions that were made at once", async () => {
    const id = await begun();
    const late = decide(id, { error: "access_denied" }, () => decide(id, { consent: {} }));
    await expect(late).rejects.toMatchObject({ code: "interaction_expired" });
    expect(await interactions.find(id)).toMatchObject({ result: { consent: {} } });
  });
});
