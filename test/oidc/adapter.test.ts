/** The library's models over the store: every one goes round, none leaves its id behind, each is consumed once. */
import { randomBytes } from "node:crypto";
import { type Adapter, type AdapterPayload, errors } from "oidc-provider";
import { beforeAll, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { systemClock } from "../../src/clock.ts";
import { isRefusal } from "../../src/errors.ts";
import { sealInteraction, unsealInteraction } from "../../src/oidc/adapter/interaction.ts";
import { adapterFactory } from "../../src/oidc/adapter.ts";
import { clients } from "../../src/oidc/client/clients.ts";
import { fingerprint } from "../../src/store/record.ts";
import type { Entry, Store } from "../../src/store/store.ts";
import { type UnitOfWork, unitOfWork } from "../../src/store/unit.ts";
import { anyDevice } from "../support/devices.ts";
import { openStore } from "../support/open-store.ts";
import { stores } from "../support/stores.ts";

const MODELS = [
  "AccessToken",
  "AuthorizationCode",
  "RefreshToken",
  "ClientCredentials",
  "InitialAccessToken",
  "RegistrationAccessToken",
  "DeviceCode",
  "BackchannelAuthenticationRequest",
  "PushedAuthorizationRequest",
  "PreAuthorizedCode",
  "ReplayDetection",
  "Interaction",
  "Grant",
];
const CONSUMED = [
  "AuthorizationCode",
  "RefreshToken",
  "DeviceCode",
  "BackchannelAuthenticationRequest",
  "PushedAuthorizationRequest",
  "PreAuthorizedCode",
];
const KINDS = [
  "access",
  "code",
  "refresh",
  "credentials",
  "initial",
  "registration",
  "device",
  "ciba",
  "par",
  "preauthorized",
  "replay",
  "interaction",
  "grant",
  "session",
  "sessionid",
  "usercode",
];

const newId = () => randomBytes(32).toString("base64url");
const seconds = () => Math.floor(Date.now() / 1000);

describe.each(stores)("the adapter over $name", (kind) => {
  const opened = openStore(kind);
  let store: Store;
  let unit: UnitOfWork;
  let model: (name: string) => Adapter;

  beforeAll(async () => {
    store = opened.store;
    unit = unitOfWork(store);
    const registry = clients({ store, clock: systemClock, announce: () => {} });
    model = adapterFactory({ store, unit, clients: registry, clock: systemClock, ...anyDevice });
  });

  async function everything(): Promise<Entry[]> {
    const found: Entry[] = [];
    for (const kind of KINDS) for await (const { entries } of store.scan(kind)) found.push(...entries);
    return found;
  }

  it.each(MODELS)(
    "%s comes back as it went in, is gone when destroyed, and its id is nowhere at rest",
    async (name) => {
      const [id, other] = [newId(), newId()];
      const payload = {
        jti: id,
        kind: name,
        iat: seconds(),
        exp: seconds() + 60,
        accountId: "jane",
        returnTo: `/auth/${id}`,
      };
      await model(name).upsert(id, payload, 60);
      expect(await model(name).find(id)).toEqual(payload);
      expect(await model(name).find(other)).toBeUndefined();
      expect(await model(name).find(fingerprint(id))).toBeUndefined();
      const rest = JSON.stringify(await everything());
      expect(rest).toContain(fingerprint(id));
      if (name === "Interaction") expect(rest).not.toContain(id);
      else expect(rest.replaceAll(`/auth/${id}`, "")).not.toContain(id);
      await model(name).destroy(id);
      expect(await model(name).find(id)).toBeUndefined();
    },
  );

  it("SEC-93 an id of one model opens no other", async () => {
    const id = newId();
    await model("RefreshToken").upsert(id, { jti: id, kind: "RefreshToken" }, 60);
    for (const name of MODELS.filter((name) => name !== "RefreshToken"))
      expect(await model(name).find(id)).toBeUndefined();
    expect(await model("Session").find(id)).toBeUndefined();
  });

  it.each(CONSUMED)(
    "SEC-84 SEC-85 of fifty parallel consumers of one %s one wins, also across units and handles",
    async (name) => {
      const id = newId();
      await model(name).upsert(id, { jti: id, kind: name, exp: seconds() + 60 }, 60);
      const second = await opened.reopen();
      const registry = clients({ store: second, clock: systemClock, announce: () => {} });
      const otherUnit = unitOfWork(second);
      const other = adapterFactory({
        store: second,
        unit: otherUnit,
        clients: registry,
        clock: systemClock,
        ...anyDevice,
      })(name);
      const attempts = Array.from({ length: 50 }, (_, n) =>
        n % 2 === 0 ? unit.run(() => model(name).consume(id)) : otherUnit.run(() => other.consume(id)),
      );
      const outcomes = await Promise.allSettled(attempts);
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      const expected = name === "PushedAuthorizationRequest" ? errors.InvalidRequestUri : errors.InvalidGrant;
      for (const outcome of outcomes)
        if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(expected);
      expect((await model(name).find(id))?.consumed).toEqual(expect.any(Number));
      await expect(model(name).consume(id)).rejects.toBeInstanceOf(expected);
      await expect(model(name).consume(newId())).rejects.toBeInstanceOf(expected);
    },
  );

  it("SEC-95 a proof is seen once, also when it comes twice at once", async () => {
    const id = newId();
    const attempts = await Promise.allSettled(
      Array.from({ length: 20 }, () =>
        model("ReplayDetection").upsert(id, { iss: "x" } as AdapterPayload, 60),
      ),
    );
    expect(attempts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await expect(
      model("ReplayDetection").upsert(newId(), { iss: "x" } as AdapterPayload, 60),
    ).resolves.toBeUndefined();
  });

  it("a grant that was revoked while a request had it in hand stays revoked; one that was not is widened", async () => {
    const [revoked, kept] = [newId(), newId()];
    for (const id of [revoked, kept]) await model("Grant").upsert(id, { jti: id, accountId: "jane" }, 60);
    await unit.run(async () => {
      for (const id of [revoked, kept]) await model("Grant").find(id);
      await store.remove(`grant:${fingerprint(revoked)}`);
      for (const id of [revoked, kept])
        await model("Grant").upsert(
          id,
          { jti: id, accountId: "jane", openid: { scope: "openid email" } } as AdapterPayload,
          60,
        );
    });
    expect(await store.read(`grant:${fingerprint(revoked)}`)).toBeUndefined();
    expect(await model("Grant").find(kept)).toHaveProperty("openid");
  });

  it.each(["AuthorizationCode", "RefreshToken", "DeviceCode"])(
    "%s: its grant is read with it, so that a second redemption cannot revoke it under the first",
    async (name) => {
      const [id, grantId] = [newId(), newId()];
      await model("Grant").upsert(grantId, { jti: grantId, accountId: "jane" }, 60);
      await model(name).upsert(id, { jti: id, kind: name, grantId }, 60);
      await unit.run(async () => {
        await model(name).find(id);
        await store.remove(`grant:${fingerprint(grantId)}`);
        expect(await model("Grant").find(grantId)).toMatchObject({ accountId: "jane" });
      });
      expect(await model("Grant").find(grantId)).toBeUndefined();
    },
  );

  it("an interaction is destroyed by one of many; the others are told that it is over", async () => {
    const id = newId();
    await model("Interaction").upsert(id, { jti: id, returnTo: `http://localhost/auth/${id}` }, 60);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, () => model("Interaction").destroy(id)),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === "rejected") expect(isRefusal(outcome.reason, "interaction_expired")).toBe(true);
  });

  it("a device is found by the code that people type, which is nowhere at rest", async () => {
    const id = newId();
    const payload = { jti: id, kind: "DeviceCode", userCode: "BCDFGHJK", exp: seconds() + 60 };
    await model("DeviceCode").upsert(id, payload, 60);
    expect(await model("DeviceCode").findByUserCode("BCDFGHJK")).toEqual(payload);
    expect(await model("DeviceCode").findByUserCode("BCDFGHJL")).toBeUndefined();
    const rest = JSON.stringify(await everything());
    expect(rest).not.toContain("BCDFGHJK");
    expect(rest).not.toContain(id);
    await model("DeviceCode").destroy(id);
    expect(await model("DeviceCode").findByUserCode("BCDFGHJK")).toBeUndefined();
  });

  it("clients come from the registry and are not written by the library", async () => {
    const registry = clients({ store, clock: systemClock, announce: () => {} });
    const { client } = await registry.add({ name: "App", redirectUris: ["https://app.example.com/cb"] });
    expect(await model("Client").find(client.id)).toMatchObject({ client_id: client.id, client_name: "App" });
    expect(await model("Client").find("unknown")).toBeUndefined();
    await expect(model("Client").upsert("x", {} as AdapterPayload, 1)).rejects.toThrow(TypeError);
    await expect(model("Client").destroy(client.id)).rejects.toThrow(TypeError);
  });
});

describe("an interaction's payload", () => {
  const id = newId();
  const payload = {
    returnTo: `http://localhost:3000/auth/${id}`,
    session: { uid: "u", accountId: "jane", cookie: newId() },
    deviceCode: newId(),
    parJti: newId(),
    params: { scope: "openid" },
  } as AdapterPayload & { session: { cookie: string } };

  it("holds neither its own id nor another bearer value once it is sealed", () => {
    const rest = JSON.stringify(sealInteraction(id, payload));
    for (const secret of [id, payload.session.cookie, payload.deviceCode, payload.parJti])
      expect(rest).not.toContain(secret);
    expect(rest).toContain("jane");
  });

  it("is the same again for the holder of the id, and for nobody else", () => {
    const { cookie: _, ...session } = payload.session;
    const again = unsealInteraction(id, JSON.parse(JSON.stringify(sealInteraction(id, payload))));
    expect(again).toEqual({ ...payload, session });
    expect(() => unsealInteraction(newId(), sealInteraction(id, payload))).toThrow();
  });
});
