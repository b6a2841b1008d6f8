/** Sessions under races: what was signed out stays out, old ids are dead, and tabs do not undo each other. */
import { randomBytes } from "node:crypto";
import type { Adapter, AdapterPayload } from "oidc-provider";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import "../../support/prototypes.ts";
import { systemClock } from "../../../src/clock.ts";
import { adapterFactory } from "../../../src/oidc/adapter.ts";
import { clients } from "../../../src/oidc/client/clients.ts";
import { type UnitOfWork, unitOfWork } from "../../../src/store/unit.ts";
import { anyDevice } from "../../support/devices.ts";
import { openStore } from "../../support/open-store.ts";
import { stores } from "../../support/stores.ts";

const newId = () => randomBytes(32).toString("base64url");
const TTL = 60;

describe.each(stores)("sessions over $name", (kind) => {
  const opened = openStore(kind);
  let unit: UnitOfWork;
  let sessions: Adapter;
  let id: string;
  let uid: string;

  beforeAll(async () => {
    const { store } = opened;
    unit = unitOfWork(store);
    const registry = clients({ store, clock: systemClock, announce: () => {} });
    sessions = adapterFactory({ store, unit, clients: registry, clock: systemClock, ...anyDevice })(
      "Session",
    );
  });
  beforeEach(async () => {
    [id, uid] = [newId(), newId()];
    await sessions.upsert(id, payload(), TTL);
  });

  const payload = (more: object = {}): AdapterPayload => ({
    jti: id,
    uid,
    kind: "Session",
    accountId: "jane",
    ...more,
  });
  const apps = (...names: string[]) => ({
    authorizations: Object.fromEntries(names.map((name) => [name, { grantId: `of ${name}` }])),
  });

  /** A request: reads the session, lets something happen meanwhile, and writes it at its end. */
  const request = (write: AdapterPayload, meanwhile: () => Promise<unknown>, as = id) =>
    unit.run(async () => {
      await sessions.find(id);
      await meanwhile();
      await sessions.upsert(as, write, TTL);
    });

  /** Another request, with a unit of its own, as another browser tab would cause. */
  const elsewhere = <T>(work: (sessions: Adapter) => Promise<T>): Promise<T> => {
    const { store } = opened;
    const other = unitOfWork(store);
    const registry = clients({ store, clock: systemClock, announce: () => {} });
    return other.run(() =>
      work(
        adapterFactory({ store, unit: other, clients: registry, clock: systemClock, ...anyDevice })(
          "Session",
        ),
      ),
    );
  };

  it("forgets no tab of a crowd, and the tab that signed in again has the id that counts", async () => {
    const names = Array.from({ length: 8 }, (_, n) => `app ${n}`);
    const renewed = newId();
    const tabs = names.map((name) => request(payload(apps(name)), async () => {}));
    const rotation = request(payload({ jti: renewed, ...apps("again") }), async () => {}, renewed);
    await Promise.all([...tabs, rotation]);
    const found = await sessions.find(renewed);
    expect(Object.keys(found?.authorizations ?? {}).sort()).toEqual(["again", ...names].sort());
    expect(await sessions.find(id)).toBeUndefined();
  });

  it("are found by id and by uid, and neither the id nor the account's other names are at rest", async () => {
    expect(await sessions.find(id)).toMatchObject({ jti: id, uid, accountId: "jane" });
    expect(await sessions.findByUid(uid)).toMatchObject({ uid, accountId: "jane" });
    expect(await sessions.find(newId())).toBeUndefined();
    expect(await sessions.find(uid)).toBeUndefined();
    const rest: unknown[] = [];
    for (const kind of ["session", "sessionid"])
      for await (const { entries } of opened.store.scan(kind)) rest.push(entries);
    expect(JSON.stringify(rest)).toContain(uid);
    expect(JSON.stringify(rest)).not.toContain(id);
  });

  it("that were signed out while a request was under way do not come back, under any id", async () => {
    await request(payload(apps("wiki")), () => elsewhere((other) => other.destroy(id)));
    expect(await sessions.find(id)).toBeUndefined();
    expect(await sessions.findByUid(uid)).toBeUndefined();
  });

  it("that nobody signed out are written by a request that was under way", async () => {
    await request(payload(apps("wiki")), async () => {});
    expect(await sessions.find(id)).toMatchObject(apps("wiki"));
  });

  it("SEC-73 an id that was replaced is dead, also for a request that read it before", async () => {
    const fresh = newId();
    await request(payload({ jti: fresh }), async () => {}, fresh);
    expect(await sessions.find(id)).toBeUndefined();
    expect(await sessions.find(fresh)).toMatchObject({ uid });
    expect(await sessions.findByUid(uid)).toMatchObject({ uid });
  });

  it("two tabs that let apps in at once keep both apps", async () => {
    await request(payload(apps("wiki")), () =>
      elsewhere(async (other) => {
        await other.find(id);
        await other.upsert(id, payload(apps("mail")), TTL);
      }),
    );
    expect(await sessions.find(id)).toMatchObject(apps("wiki", "mail"));
  });

  it("a session that another account took over meanwhile is not given back", async () => {
    await request(payload(apps("wiki")), () =>
      elsewhere(async (other) => {
        await other.find(id);
        await other.upsert(id, payload({ accountId: "john" }), TTL);
      }),
    );
    const found = await sessions.find(id);
    expect(found).toMatchObject({ accountId: "john" });
    expect(found?.authorizations).toBeUndefined();
  });

  it("SEC-73 a request that read the old id before a rotation does not bring the old id back", async () => {
    const fresh = newId();
    await request(payload(apps("wiki")), () =>
      elsewhere(async (other) => {
        await other.find(id);
        await other.upsert(fresh, payload({ jti: fresh }), TTL);
      }),
    );
    expect(await sessions.find(id), "the retired id").toBeUndefined();
    expect(await sessions.find(fresh), "the new id").toMatchObject({ uid });
  });

  it("twenty parallel tabs and one sign-out end signed out", async () => {
    const tabs = Array.from({ length: 20 }, (_, n) =>
      elsewhere(async (other) => {
        const found = await other.find(id);
        await new Promise(setImmediate);
        if (found) await other.upsert(id, payload(apps(`app${n}`)), TTL);
      }),
    );
    await Promise.all([...tabs, elsewhere((other) => other.destroy(id))]);
    expect(await sessions.find(id)).toBeUndefined();
    expect(await sessions.findByUid(uid)).toBeUndefined();
  });
});
