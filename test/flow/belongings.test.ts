/** The owner's page: sessions, connected apps and activity, and how each of them ends. */
import { decodeJwt } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { type Browser, ceremonyOf } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { logoutReceiver, type Receiver } from "../support/receiver.ts";
import type { RelyingParty, Tokens } from "../support/relying-party.ts";
import { stores } from "../support/stores.ts";

const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const SAFARI =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";

describe.each(stores)("what an account has open over $name", (kind) => {
  let running: Running;
  let app: RelyingParty;
  let third: RelyingParty;
  let receiver: Receiver;
  let jane: Browser;
  let id: string;
  let count = 0;

  beforeAll(async () => {
    running = await startInstallation(kind);
    receiver = await logoutReceiver();
    app = await running.app({
      name: "Mail",
      grants: ["authorization_code", "refresh_token"],
      backchannelLogoutUri: receiver.url,
    });
    third = await running.app({ name: "Third <b>Party</b>", firstParty: false });
  });
  afterAll(async () => {
    receiver.close();
    await running.stop();
  });
  beforeEach(async () => {
    receiver.told.length = 0;
    jane = running.browser();
    jane.headers = { "user-agent": FIREFOX };
    id = (await app.signUp(jane, { name: "Jane Doe", email: `jane${++count}@example.com` })).idToken.sub;
  });

  /** Jane at another browser. */
  function elsewhere(agent = SAFARI): Browser {
    const browser = running.browser(jane.authenticator);
    browser.headers = { "user-agent": agent };
    return browser;
  }
  const home = async (browser = jane) => (await browser.open("/account")).text;
  const endable = (page: string) =>
    [...page.matchAll(/action="(\/account\/sessions\/[\w-]+\/end)"/g)].map(([, action]) => action as string);
  const alive = async (token: string) => (await app.userinfo(token)).status === 200;

  const refreshed = async (token: unknown) =>
    (await (await app.refresh(String(token))).json()) as Record<string, unknown>;
  /** A sign-in at the third-party app, which asks first. */
  async function allowed(parameters: Record<string, string>): Promise<Tokens> {
    const request = await third.request(parameters);
    const page = await jane.open(request.url);
    const action = /action="([^"]+\/consent)"/.exec(page.text)?.[1] ?? "";
    return third.tokens(request, await jane.submit(action, { decision: "allow" }));
  }

  it("lists the browsers, this one first, and each sign-in once", async () => {
    await app.signIn(elsewhere());
    await app.signIn(jane);
    await app.signIn(jane, { prompt: "login" });
    const page = await home();
    expect(page.indexOf("Firefox · Linux")).toBeLessThan(page.indexOf("Safari · iOS"));
    expect(page).toMatch(/Firefox · Linux<\/span> <span class="tag">This browser/);
    expect(page.match(/Last seen/g)).toHaveLength(2);
    expect(endable(page)).toHaveLength(1);
  });

  it("SEC-109 shows a browser that calls itself anything as a browser, and never as markup", async () => {
    await app.signIn(elsewhere(`<script>alert(1)</script> ${"x".repeat(5000)}`));
    const page = await home();
    expect(page).not.toContain("<script>alert");
    expect(page).toContain("Unknown browser");
  });

  it("ends one session: its tokens end, offline ones too, its apps are told, this browser stays", async () => {
    const other = elsewhere();
    const there = await app.signIn(other, { scope: "openid offline_access" });
    const here = await app.signIn(jane);
    expect(there.response.refresh_token).toBeDefined();
    const [action = ""] = endable(await home());
    const page = await jane.submit(action);
    expect(page.text).toContain("The session has ended");
    expect(endable(page.text)).toEqual([]);
    expect(await alive(there.response.access_token)).toBe(false);
    expect(await refreshed(there.response.refresh_token)).toMatchObject({ error: "invalid_grant" });
    expect((await other.request("/account")).status).toBe(303);
    expect(await alive(here.response.access_token)).toBe(true);
    expect((await jane.request("/account")).status).toBe(200);
    expect(receiver.told.map((token) => decodeJwt(token).sub)).toEqual([id]);
    expect((await jane.submit(action)).status).toBe(404);
  });

  it("ends nobody else's session, and none at another site's word", async () => {
    const other = elsewhere();
    await app.signIn(other);
    const [action = ""] = endable(await home());
    const john = running.browser();
    await app.signUp(john, { email: `john${count}@example.com` });
    expect((await john.submit(action)).status).toBe(404);
    const forged = {
      method: "POST",
      body: new URLSearchParams(),
      headers: { origin: "https://evil.example" },
    };
    expect((await jane.request(action, forged)).status).toBe(403);
    expect((await running.browser().submit(action)).status).toBe(401);
    expect((await other.request("/account")).status).toBe(200);
  });

  it("SEC-60 ends all other sessions after a fresh proof, and this browser goes on under a new id", async () => {
    const others = [elsewhere(), elsewhere()];
    const tokens = [];
    for (const other of others) tokens.push(await app.signIn(other, { scope: "openid offline_access" }));
    const planted = elsewhere();
    planted.cookies = [...jane.cookies];
    const page = await jane.submit("/account/sessions/end");
    expect(ceremonyOf(page).kind).toBe("authentication");
    expect((await others[0]!.request("/account")).status).toBe(200);
    const after = await jane.complete(page);
    expect(after.text).toContain("You are signed in here and nowhere else.");
    for (const other of [...others, planted]) expect((await other.request("/account")).status).toBe(303);
    for (const { response } of tokens) {
      expect(await alive(response.access_token)).toBe(false);
      expect(await refreshed(response.refresh_token)).toMatchObject({ error: "invalid_grant" });
    }
    await expect.poll(() => receiver.told.length).toBeGreaterThanOrEqual(2);
    const again = await app.signIn(jane, { prompt: "none" });
    expect(await alive(again.response.access_token)).toBe(true);
  });

  it("names connected apps with what they may do, as text, and disconnects one: it has to ask again", async () => {
    const tokens = await allowed({ scope: "openid email" });
    await app.signIn(jane);
    const page = await home();
    expect(page).toContain("Third &lt;b&gt;Party&lt;/b&gt;");
    for (const words of ["See your email address", "Mail"]) expect(page).toContain(words);
    const path = `/account/apps/${third.client.client_id}/disconnect`;
    const after = await jane.submit(path);
    expect(after.text).toContain("The app is disconnected.");
    expect(after.text).not.toContain("Third");
    expect((await third.userinfo(tokens.response.access_token)).status).toBe(401);
    expect((await jane.open((await third.request()).url)).text).toContain("Allow access?");
    expect((await jane.submit(path)).status).toBe(404);
  });

  it("ends what an app holds for offline access after the session it came from is over", async () => {
    const other = elsewhere();
    const { response } = await app.signIn(other, { scope: "openid offline_access" });
    await other.submit("/account/sign-out");
    const kept = await refreshed(response.refresh_token);
    expect(kept.access_token).toBeDefined();
    await app.signIn(jane);
    await jane.submit(`/account/apps/${app.client.client_id}/disconnect`);
    expect(await refreshed(kept.refresh_token ?? response.refresh_token)).toMatchObject({
      error: "invalid_grant",
    });
  });

  it("tells in words what happened, when, and from where", async () => {
    const passkey = (await running.installation.accounts.find(id))?.value.passkeys[0];
    await jane.submit(`/account/passkeys/${passkey?.id}/rename`, { name: "Kitchen tablet" });
    const page = await home();
    const activity = page.slice(page.indexOf('id="activity"'));
    expect(activity.indexOf("A passkey was renamed")).toBeLessThan(
      activity.indexOf("The account was created"),
    );
    for (const words of ["Kitchen tablet", "Firefox · Linux", "127.0.0.1", "UTC"]) {
      expect(activity).toContain(words);
    }
  });
});
