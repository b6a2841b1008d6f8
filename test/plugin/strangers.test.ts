/** Who proves nothing leaves nothing: documents are made for people who have signed in, and for nobody else. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { accountRecord } from "../../src/account/account.ts";
import { collect } from "../../src/testing/contract/check.ts";
import type { Answer, Browser } from "../support/browser.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { type Host, type HostOptions, jane, startHost, Users } from "./host.ts";

const PASSWORD = "correct horse";

describe.each(stores)("a host over $name", (kind) => {
  let store: OpenStore;
  let users: Users;
  const running: Host[] = [];

  beforeEach(async () => {
    store = await kind.open();
    users = new Users({ ...jane(), id: "person-42" });
  });
  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop();
    await store.close();
  });

  async function start(o: Partial<HostOptions>): Promise<Host> {
    const one = await startHost({ store: store.store, ...o });
    running.push(one);
    return one;
  }
  const user = () => users.rows[0] as NonNullable<(typeof users.rows)[number]>;
  const document = async (id = user().id) => accountRecord.read(store.store, id);
  const type = async (browser: Browser, password: string) =>
    browser.post("/sign-in/password?to=%2Faccount", { username: user().login, password });
  const said = (answer: Answer) => [answer.status, answer.json().code];

  it("SEC-61: no document appears for a visitor who proves nothing, whatever is asked for", async () => {
    const { login, id } = user();
    const open = await start({ users, options: { notify() {}, firstParty: () => true } });
    const app = await open.app();
    const visitor = open.browser();
    await visitor.open("/sign-in");
    expect(said(await type(visitor, "wrong"))[0]).toBe(401);
    const recovering = await visitor.post("/sign-in/recover?to=%2Faccount", {
      username: login,
      code: "ABCD-EFGH-JKMN",
    });
    expect(recovering.status).toBe(401);
    const token = `${Buffer.from(id).toString("base64url")}.${"A".repeat(43)}`;
    expect((await visitor.open(`/undo/${token}`)).text).toContain("undo_link_invalid");
    for (const more of [{ login_hint: login }, { prompt: "create" }, { acr_values: "phr" }])
      await visitor.open((await app.request(more)).url);
    const stranger = open.browser();
    expect(
      said(
        await stranger
          .perform(await stranger.open("/sign-in"))
          .catch(() => ({ status: 401, json: () => ({}) }) as never),
      )[0],
    ).toBe(401);
    for (const kind of ["account", "handle"] as const) {
      const kept = (await collect(store.store.scan(kind))).flatMap(({ entries }) => entries);
      expect(kept.filter(({ value }) => JSON.stringify(value).includes(id))).toEqual([]);
    }
    // The control: who does know it has one from then on.
    expect((await type(visitor, PASSWORD)).status).toBe(200);
    expect(await document()).toBeDefined();
  });

  it("an account that the host calls by two ids is a mistake that is named, and opens nothing", async () => {
    const alias = await start({
      users,
      options: {
        accounts: {
          ...users.directory,
          ...users.passwords,
          find: async () => users.directory.find(user().id),
          findByLogin: async () => "an-alias",
          verifyPassword: () => true,
        },
      },
    });
    const browser = alias.browser();
    await browser.open("/sign-in");
    expect((await type(browser, PASSWORD)).status).toBe(500);
    expect(alias.log.at(-1)).toMatch(/TypeError.*accounts\.find.*an-alias.*accountId/);
    expect(await document("an-alias")).toBeUndefined();
  });

  it("SEC-61: whoever signs up with somebody's address does not get that account, even from a host that gives it", async () => {
    const { id, login } = user();
    const given = vi.fn(async () => id);
    const host = await start({
      users,
      options: {
        accounts: {
          ...users.directory,
          ...users.passwords,
          create: given,
          findByLogin: async (text: string) =>
            text === "jane@example.com" || text === login ? id : undefined,
        },
      },
    });
    const thief = host.browser();
    const page = await thief.open("/sign-up");
    const answer = await thief.perform(page, { name: "Thief", email: "jane@example.com" });
    expect(said(answer)).toEqual([409, "account_exists"]);
    expect(given).toHaveBeenCalledOnce();
    expect(await document()).toBeUndefined();
  });

  it("an account that is forgotten before it is removed keeps no passkey, and its closed password stays closed", async () => {
    users.dropping = () => false;
    const host = await start({ users });
    const browser = host.browser();
    await browser.open("/sign-in");
    const answer = await type(browser, PASSWORD);
    await browser.complete(await browser.complete(await browser.open(String(answer.json().location))));
    const asked = () => users.asked.filter((what) => what.startsWith("verify")).length;
    expect(asked()).toBe(1);
    await host.keys.forget(user().id);
    expect(await document(user().id)).toMatchObject({
      value: { passkeys: [], password: { state: "closed" } },
    });
    expect((await browser.open("/account")).url).toContain("/sign-in");
    const thief = host.browser();
    await thief.open("/sign-in");
    expect(said(await type(thief, PASSWORD))).toEqual([401, "authentication_failed"]);
    expect(asked()).toBe(1);
    const { id } = user();
    users.rows.length = 0;
    await host.keys.forget(id);
    expect(await document(id)).toBeUndefined();
  });
});
