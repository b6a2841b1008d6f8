/** Nobody learns from a sign-up or from a silent request who has an account, or who is signed in. */
import { beforeAll, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { type Account, accountRecord } from "../../src/account/account.ts";
import type { Answer, Browser } from "../support/browser.ts";
import { scene } from "../support/scene.ts";
import { stores } from "../support/stores.ts";

describe.each(stores)("who is there, over $name", (kind) => {
  const here = scene(kind);
  let jane: Browser;
  let id: string;
  let idToken: string;

  beforeAll(async () => {
    jane = here.running.browser();
    const tokens = await here.app.signUp(jane, { username: "jane", email: "jane@example.com" });
    id = tokens.idToken.sub;
    idToken = String(tokens.response.id_token);
    const { accounts } = here.running.installation;
    const account = (await accounts.find(id))?.value as Account;
    const verified = accountRecord.encode({ ...account, emailVerified: true });
    await here.running.store.store.write(accountRecord.key(id), verified);
    await here.running.store.store.write("email:jane@example.com", { account: id });
  });

  const shape = ({ status, headers, text }: Answer) => ({
    status,
    members: Object.keys(JSON.parse(text)),
    headers: [...headers.keys()].filter((name) => name !== "date").sort(),
    cookies: headers.getSetCookie().map((cookie) => cookie.split("=")[0]),
  });

  it("SEC-63 a sign-up with an address that is somebody's is answered like any other, and takes nothing from him", async () => {
    const answers = [];
    for (const [username, email] of [
      ["free", "free@example.com"],
      ["thief", "jane@example.com"],
    ]) {
      const browser = here.running.browser();
      const page = await browser.open("/sign-up");
      answers.push(shape(await browser.perform(page, { username: username ?? "", email: email ?? "" })));
    }
    expect(answers[0]?.status).toBe(200);
    expect(answers[1]).toEqual(answers[0]);
    const { accounts } = here.running.installation;
    expect((await accounts.findByLogin("jane@example.com"))?.value.id).toBe(id);
    expect((await accounts.findByLogin("thief"))?.value).toMatchObject({ emailVerified: false });
    expect((await here.app.signIn(here.running.browser(jane.authenticator))).idToken.sub).toBe(id);
  });

  it("SEC-65 a silent request tells of nobody but the one who is signed in here", async () => {
    const silent = async (browser: Browser, hint: Record<string, string>) => {
      const { url } = await here.app.request({ prompt: "none", ...hint });
      const { searchParams } = new URL((await browser.open(url)).url);
      return [searchParams.get("error"), searchParams.has("code")];
    };
    const hints = [{ login_hint: "jane" }, { login_hint: "nobody" }, { id_token_hint: idToken }, {}];
    for (const hint of hints)
      expect(await silent(here.running.browser(), hint)).toEqual(["login_required", false]);
    const kim = here.running.browser();
    await here.app.signUp(kim, { username: "kim", email: "kim@example.com" });
    expect(await silent(kim, { id_token_hint: idToken })).toEqual(["login_required", false]);
    expect(await silent(kim, {})).toEqual([null, true]);
    expect(await silent(jane, { id_token_hint: idToken })).toEqual([null, true]);
  });
});
