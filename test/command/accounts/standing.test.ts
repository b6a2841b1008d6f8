/** `accounts disable`, `enable` and `delete`, beside a running server. */
import { decodeJwt } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import "../../support/prototypes.ts";
import type { Browser } from "../../support/browser.ts";
import { imported } from "../../support/imported.ts";
import { type Running, SECRET, startInstallation } from "../../support/installation.ts";
import { logoutReceiver, type Receiver } from "../../support/receiver.ts";
import type { RelyingParty, Tokens } from "../../support/relying-party.ts";
import { stores } from "../../support/stores.ts";
import { type Operator, operator } from "../operator.ts";

describe.each(stores)("whether an account is open, over $name", (kind) => {
  let running: Running;
  let admin: Operator;
  let app: RelyingParty;
  let receiver: Receiver;
  let jane: Browser;
  let tokens: Tokens;
  let id: string;
  let count = 0;

  beforeAll(async () => {
    running = await startInstallation(kind);
    receiver = await logoutReceiver();
    app = await running.app({
      grants: ["authorization_code", "refresh_token"],
      backchannelLogoutUri: receiver.url,
    });
    admin = operator({
      LATCHKEY_STORE: running.store.url,
      LATCHKEY_SECRET: SECRET,
      LATCHKEY_ISSUER: running.issuer,
      LATCHKEY_PORT: String(running.port),
    });
  });
  afterAll(async () => {
    receiver.close();
    admin.remove();
    await running.stop();
  });
  beforeEach(async () => {
    receiver.told.length = 0;
    jane = running.browser();
    await app.signUp(jane, { name: "Jane Doe", username: `jane${++count}` });
    tokens = await app.signIn(jane, { scope: "openid offline_access" });
    id = tokens.idToken.sub;
  });

  const accounts = (...words: string[]) => admin.run("accounts", ...words, "--json");
  const alive = async () => (await app.userinfo(tokens.response.access_token)).status === 200;
  const refreshed = async () => (await app.refresh(String(tokens.response.refresh_token))).status;
  const home = async () => (await jane.request("/account")).status;
  const signsIn = async () => {
    const visitor = running.browser(jane.authenticator);
    return (await visitor.perform(await visitor.open((await app.request()).url))).status;
  };
  const events = async () =>
    ((await admin.run("audit", "tail", "--account", id, "--json")).json() as unknown as { type: string }[])
      .map(({ type }) => type)
      .filter((type) => type.startsWith("account."));

  it("SEC-59 ends everything at once when it is disabled, and nothing of it lives again when it is enabled", async () => {
    expect([await alive(), await home()]).toEqual([true, 200]);
    const { code, json } = await accounts("disable", `jane${count}`);
    expect({ code, ...json() }).toEqual({ code: 0, id, username: `jane${count}`, state: "disabled" });
    expect([await alive(), await home(), await signsIn()]).toEqual([false, 303, 401]);
    expect(receiver.told.map((token) => decodeJwt(token).sub)).toContain(id);
    // What was killed on the way is done again.
    expect((await accounts("disable", id)).code).toBe(0);

    expect((await accounts("enable", id)).json()).toMatchObject({ id, state: "active" });
    expect([await alive(), await home(), await refreshed()]).toEqual([false, 303, 400]);
    expect(await signsIn()).toBe(200);
    expect(await events()).toEqual(["account.created", "account.disabled", "account.enabled"]);
  });

  it("ends what nobody can list: a session that its hint was lost of does not live again", async () => {
    await running.store.store.leave(`sessions:${id}`, (await sessionOf(id)) ?? "");
    expect(await home()).toBe(200);
    await accounts("disable", id);
    await accounts("enable", id);
    expect([await alive(), await home()]).toEqual([false, 303]);
  });

  async function sessionOf(account: string): Promise<string | undefined> {
    return (await running.store.store.members(`sessions:${account}`))[0];
  }

  it("SEC-58 deletes an account for good: its sessions and tokens end, its name is free, and it was asked", async () => {
    const username = `jane${count}`;
    expect((await accounts("delete", username)).code).toBe(2);
    expect((await admin.answer("n", "accounts", "delete", username)).out).toContain("not deleted");
    expect([await alive(), await home()]).toEqual([true, 200]);
    const { code, json } = await accounts("delete", username, "--yes");
    expect({ code, ...json() }).toEqual({ code: 0, id, username, deleted: true });
    expect([await alive(), await home(), await signsIn(), await refreshed()]).toEqual([false, 303, 401, 400]);
    expect(receiver.told.map((token) => decodeJwt(token).sub)).toContain(id);
    expect((await accounts("show", username)).json()).toMatchObject({ code: "account_unknown" });
    expect((await accounts("delete", username, "--yes")).code).toBe(1);
    expect(await events()).toContain("account.deleted");
    const again = await app.signUp(running.browser(), { username });
    expect(again.idToken.sub).not.toBe(id);
    // At once, and not when somebody tidies: names are addresses of people.
    expect((await admin.run("store", "verify", "--json")).json().problems).toEqual([]);
  });

  it("takes an old password along", async () => {
    const old = await imported(running);
    expect(await running.store.store.read(`password:${old.id}`)).toBeDefined();
    const deleted = await accounts("delete", old.username, "--yes");
    expect(deleted.code, deleted.err).toBe(0);
    expect(await running.store.store.read(`password:${old.id}`)).toBeUndefined();
  });
});
