/** An app that is limited to groups: on every way to a code, and for every token that is left. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { type Answer, type Browser, ceremonyOf } from "../support/browser.ts";
import { address, begin } from "../support/conversion.ts";
import { imported } from "../support/imported.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { stores } from "../support/stores.ts";

const STAFF = "staff";
const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";

describe.each(stores)("an app for a group over $name", (kind) => {
  let running: Running;
  let jane: Browser;
  let sub: string;
  let app: RelyingParty;
  let third: RelyingParty;
  let open: RelyingParty;
  let count = 0;

  beforeAll(async () => {
    running = await startInstallation(kind, {
      limits: { guesses: { perAddress: "1000/1h", perAccount: "1000/1h" } },
    });
    open = await running.app();
    app = await running.app({ groups: ["board", STAFF] });
    third = await running.app({ groups: [STAFF], firstParty: false, name: "Third" });
  });
  afterAll(() => running.stop());
  beforeEach(async () => {
    jane = running.browser();
    sub = (await open.signUp(jane, { email: `jane${++count}@example.com` })).idToken.sub;
  });

  const join = () => running.installation.accounts.joinGroup(sub, STAFF);
  const leave = () => running.installation.accounts.leaveGroup(sub, STAFF);

  /** The app hears it, in an answer that is otherwise right, in words that somebody can be shown; no code. */
  async function refused(of: RelyingParty, browser: Browser, parameters: Record<string, string> = {}) {
    const mark = running.log.length;
    const [request, answer] = await of.authorize(browser, parameters);
    expect(of.error(request, answer)).toBe("access_denied");
    const { searchParams } = new URL(answer.url);
    expect(searchParams.get("error_description")).toContain("no access to this app");
    expect(searchParams.has("code")).toBe(false);
    expect(running.events("access.denied", mark)).toEqual([
      expect.objectContaining({ account: sub, subject: of.client.client_id }),
    ]);
    return answer;
  }

  it("lets members of any of them in, and everybody into an app without a limit", async () => {
    await refused(app, jane);
    expect((await open.signIn(jane)).idToken.sub).toBe(sub);
    await join();
    expect((await app.signIn(jane)).idToken.sub).toBe(sub);
  });

  it("refuses a session, prompt=none and prompt=login", async () => {
    for (const parameters of [{}, { prompt: "none" }, { prompt: "login" }, { response_mode: "query" }])
      await refused(app, jane, parameters);
    await join();
    for (const parameters of [{}, { prompt: "none" }, { prompt: "login" }])
      expect((await app.signIn(jane, parameters)).idToken.sub).toBe(sub);
  });

  it("refuses a fresh sign-in, and a sign-in that another account may make is still asked for", async () => {
    const browser = running.browser(jane.authenticator);
    await refused(app, browser);
    const request = await app.request({ prompt: "login" });
    expect(ceremonyOf(await browser.open(request.url)).kind).toBe("authentication");
    const nobody = await app.request({ prompt: "none" });
    expect(app.error(nobody, await running.browser().open(nobody.url))).toBe("login_required");
  });

  it("refuses whoever has just signed up at it", async () => {
    const kim = running.browser();
    const request = await app.request({ prompt: "create" });
    const answer = await kim.complete(await kim.open(request.url), { email: `kim${count}@example.com` });
    expect(app.error(request, answer)).toBe("access_denied");
  });

  it("leaves whoever it refused signed in here, where he can leave or look at what he may open", async () => {
    const browser = running.browser(jane.authenticator);
    await refused(app, browser);
    expect((await browser.open("/apps")).text).toContain("<h1>Your apps</h1>");
  });

  it("refuses a password that has just become a passkey", async () => {
    const kim = await imported(running);
    const browser = running.browser();
    const { request, next } = await begin(app, browser, kim.username);
    const answer = await browser.complete(await browser.complete(next));
    expect(app.error(request, answer)).toBe("access_denied");
    await running.installation.accounts.joinGroup(kim.id, STAFF);
    expect((await app.signIn(browser)).idToken.sub).toBe(kim.id);
  });

  it("refuses whoever has just come back into the account", async () => {
    const { accounts } = running.installation;
    const { pass } = await accounts.issuePass(sub, { ttl: 60_000, by: "cli" });
    const browser = running.browser();
    const request = await app.request();
    const signIn = await browser.open(request.url);
    const ladder = await browser.open(/href="([^"]+\/recover)"/.exec(signIn.text)?.[1] ?? "");
    const given = await browser.post(address(ladder, "data-decision"), {
      username: `jane${count}`,
      code: pass,
    });
    const enrol = await browser.open(String(given.json().location));
    const answer = await browser.complete(await browser.complete(enrol));
    expect(app.error(request, answer)).toBe("access_denied");
  });

  it("sends the refusal as a form where the app asks for that", async () => {
    const request = await app.request({ response_mode: "form_post" });
    const page = await jane.open(request.url);
    expect(page.text).toContain('value="access_denied"');
    expect(page.text).not.toContain('name="code"');
  });

  it("refuses a pushed request as it refuses any other", async () => {
    const request = await app.request();
    const pushed = await app.post("/request", Object.fromEntries(new URL(request.url).searchParams));
    const { request_uri } = (await pushed.json()) as { request_uri: string };
    const query = new URLSearchParams({ client_id: app.client.client_id, request_uri });
    expect(app.error(request, await jane.open(`/auth?${query}`))).toBe("access_denied");
  });

  it("asks nobody for consent who may not open it, with a session and without one", async () => {
    await refused(third, jane);
    await refused(third, jane, { prompt: "consent" });
    await refused(third, running.browser(jane.authenticator));
    await join();
    expect((await jane.open((await third.request()).url)).text).toContain("Allow access?");
  });

  it("gives nothing for a consent page that was shown before the group was left", async () => {
    await join();
    for (const browser of [jane, running.browser(jane.authenticator)]) {
      const request = await third.request();
      const first = await browser.open(request.url);
      const page = first.text.includes("Allow access?") ? first : await openNext(browser, first);
      const action = /data-decision="([^"]+)"/.exec(page.text)?.[1] ?? "";
      await leave();
      const answer = await browser.submit(action, { decision: "allow" });
      expect(third.error(request, answer)).toBe("access_denied");
      await join();
      const again = await browser.open((await third.request()).url);
      expect(again.text).toContain("Allow access?");
    }
  });

  async function openNext(browser: Browser, page: Answer): Promise<Answer> {
    return browser.open(String((await browser.perform(page)).json().location));
  }

  it("shows no consent page to whoever comes back to it after the group was left", async () => {
    await join();
    const request = await third.request();
    const page = await jane.open(request.url);
    expect(page.text).toContain("Allow access?");
    await leave();
    expect(third.error(request, await jane.open(page.url))).toBe("access_denied");
  });

  it("connects nothing when it refuses", async () => {
    await refused(app, jane);
    const name = (page: Answer) => page.text.match(/Example app/g)?.length ?? 0;
    const before = name(await jane.open("/account"));
    await join();
    await app.signIn(jane);
    expect(name(await jane.open("/account"))).toBe(before + 1);
  });

  it("ends every token when the group is left: code, access token, refresh token, introspection", async () => {
    await join();
    const [request, answer] = await app.authorize(jane);
    const { response } = await app.signIn(jane, { scope: "openid offline_access" });
    const refreshToken = response.refresh_token as string;
    const active = async () => {
      const said = await app.post("/token/introspection", { token: response.access_token });
      return ((await said.json()) as { active: boolean }).active;
    };
    expect((await app.userinfo(response.access_token)).status).toBe(200);
    expect(await active()).toBe(true);
    await leave();
    expect((await app.redeem(request, app.callback(request, answer))).status).toBe(400);
    expect((await app.userinfo(response.access_token)).status).toBe(401);
    expect(await active()).toBe(false);
    const refresh = await app.refresh(refreshToken);
    expect([refresh.status, ((await refresh.json()) as { error: string }).error]).toEqual([
      400,
      "invalid_grant",
    ]);
    // Whoever is let in again need not sign in again.
    await join();
    expect((await app.refresh(refreshToken)).status).toBe(200);
  });

  it("is seen by every instance within a second when the limit is set and taken away", async () => {
    const { clients } = running.installation;
    const later = await running.app();
    const { response } = await later.signIn(jane);
    await clients.update(later.client.client_id, { groups: [STAFF] });
    const outcome = async () => {
      const [, answer] = await later.authorize(jane);
      return new URL(answer.url).searchParams.get("error");
    };
    await expect.poll(outcome, { timeout: 1500 }).toBe("access_denied");
    expect((await later.userinfo(response.access_token)).status).toBe(401);
    await clients.update(later.client.client_id, { groups: null });
    await expect.poll(outcome, { timeout: 1500 }).toBe(null);
  });

  describe("on a device", () => {
    let tv: RelyingParty;
    beforeAll(async () => {
      tv = await running.app({
        kind: "native",
        name: "Television",
        redirectUris: ["http://127.0.0.1/cb"],
        grants: ["authorization_code", "device_code"],
        groups: [STAFF],
      });
    });

    const send = (browser: Browser, page: Answer, typed: Record<string, string>) => {
      const form = /<form id="op\.device[^>]*action="([^"]+)"[\s\S]*?<\/form>/.exec(page.text);
      const hidden = [...(form?.[0] ?? "").matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
      const fields = Object.fromEntries(hidden.map(([, name, value]) => [name, value]));
      return browser.submit(form?.[1] ?? "", { ...fields, ...typed });
    };

    async function connect(browser: Browser) {
      const started = await (await tv.post("/device/auth", { scope: "openid" })).json();
      const { device_code, user_code, verification_uri } = started as Record<string, string>;
      const page = await send(browser, await browser.open(verification_uri ?? ""), {
        user_code: user_code ?? "",
      });
      const confirmed = await send(browser, page, {});
      const last = confirmed.text.includes("data-ceremony") ? await browser.complete(confirmed) : confirmed;
      const polled = await tv.post("/token", { grant_type: DEVICE_CODE, device_code: device_code ?? "" });
      return { text: last.text, outcome: (await polled.json()) as Record<string, string> };
    }

    it("says so to the person, by the name of the app, and to the device", async () => {
      for (const browser of [jane, running.browser(jane.authenticator)]) {
        const { text, outcome } = await connect(browser);
        expect(text).not.toContain("Device connected");
        expect(text).toMatch(/role="alert"[^>]*>Your account may not open <bdi[^>]*>Television/);
        expect(outcome.error).toBe("access_denied");
      }
      await join();
      const { text, outcome } = await connect(jane);
      expect(text).toContain("Device connected");
      expect(outcome.access_token).toBeTypeOf("string");
    });
  });
});
