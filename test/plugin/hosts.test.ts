/** The same journey in every kind of host: sign up, allow, sign in again, look after the passkeys. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import "../support/prototypes.ts";
import { type Answer, type Browser, ceremonyOf } from "../support/browser.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { configured, type Host, type Mounting, mountings, startHost } from "./host.ts";

const kinds = Object.entries(mountings).flatMap(([name, mounting]) =>
  // The store is the same behind every host: the first one runs on both.
  stores.slice(0, name === "Koa alone" ? 2 : 1).map((kind) => ({ name, mounting, kind })),
);

describe.each(kinds)("$name over $kind.name", ({ name, mounting, kind }) => {
  const path = name.includes("under a path") ? "/id/oidc" : "";
  let store: OpenStore;
  let host: Host;
  let app: RelyingParty;
  let jane: Browser;
  let sub: string;

  beforeAll(async () => {
    store = await kind.open();
    host = await startHost({ store: store.store, mounting: mounting as Mounting, path });
    app = await host.app();
    jane = host.browser();
  });
  afterAll(async () => {
    await host.stop();
    await store.close();
  });

  /** Through consent, as a third-party app has it once. */
  async function allow(page: Answer): Promise<Answer> {
    expect(page.text).toContain("Allow access?");
    const action = /data-action="([^"]+)"/.exec(page.text)?.[1] ?? /action="([^"]+)"/.exec(page.text)?.[1];
    const answer = await jane.post(String(action), { decision: "allow" });
    return jane.open(String(answer.json().location));
  }

  it("signs somebody up: the host makes the account, and the app learns the host's id", async () => {
    const request = await app.request({ prompt: "create", scope: "openid email" });
    const page = await jane.open(request.url);
    expect(page.text).toContain("Create your account");
    const consent = await jane.complete(page, { name: "New Person", email: "new@example.com" });
    const { idToken, response } = await app.tokens(request, await allow(consent));
    sub = idToken.sub;
    expect(host.users.row(sub)).toMatchObject({ name: "New Person", email: "new@example.com" });
    expect(idToken).toMatchObject({ acr: "phr", amr: ["pop", "swk", "user", "mfa"] });
    const userinfo = await (await app.userinfo(response.access_token)).json();
    expect(userinfo).toMatchObject({ sub, email: "new@example.com" });
  });

  it("signs in with the passkey, without asking for what was allowed before", async () => {
    const again = host.browser(jane.authenticator);
    const request = await app.request({ scope: "openid email" });
    const page = await again.open(request.url);
    expect(new URL(page.url).pathname.startsWith(`${path}/interaction/`)).toBe(true);
    expect(ceremonyOf(page).action).toMatch(new RegExp(`^${path}/interaction/[\\w-]+/passkey$`));
    const { idToken } = await app.tokens(request, await again.complete(page));
    expect(idToken.sub).toBe(sub);
  });

  it("keeps the session for the next app, and for the owner's page", async () => {
    const request = await app.request({ scope: "openid email", prompt: "none" });
    const { idToken } = await app.tokens(request, await jane.open(request.url));
    expect(idToken.sub).toBe(sub);
    const page = await jane.open(`${path}/account`);
    for (const text of ["New Person", "new@example.com", "Passkeys"]) expect(page.text).toContain(text);
    expect(page.text).not.toMatch(path ? /(href|src|action)="\/(?!id\/oidc\/)/ : /="\/id\/oidc/);
  });

  it("says nothing on the owner's page that only the host could do, and has no address for it", async () => {
    const { text } = await jane.open(`${path}/account`);
    for (const false_ of [
      "change-name",
      "/account/delete",
      "/account/email",
      "listed under Sessions",
      "No app has been",
    ])
      expect(text).not.toContain(false_);
    for (const heading of ["Passkeys", "Recovery codes", "Sessions", "Connected apps", "Activity"])
      expect(text).toMatch(new RegExp(`<h2[^>]*>${heading}`));
    expect(text).toContain("They are not listed here, but you can end all their sessions at once.");
    for (const gone of ["name", "delete", "email"]) {
      const answer = await jane.request(`${path}/account/${gone}`, { method: "POST" });
      expect(answer.headers.get("content-security-policy"), gone).toBeNull();
    }
  });

  it("leaves connected apps to a host that decides about consent by itself", async () => {
    const own = await startHost({
      store: store.store,
      users: host.users,
      mounting: mounting as Mounting,
      path,
      configuration: { loadExistingGrant: async () => undefined },
    });
    const browser = own.browser(jane.authenticator);
    const { text } = await browser.complete(await browser.open(`${path}/account`));
    await own.stop();
    expect(text).toContain("Sessions");
    expect(text).not.toContain("Connected apps");
  });

  it("ends all other sessions, which it cannot list", async () => {
    const other = host.browser(jane.authenticator);
    await other.complete(await other.open(`${path}/account`));
    expect((await other.open(`${path}/account`)).text).toContain("Passkeys");
    // A session that began in this very second ends in the next.
    const second = Math.floor(Date.now() / 1000);
    await vi.waitUntil(() => Math.floor(Date.now() / 1000) > second, { timeout: 30_000, interval: 20 });
    const done = await jane.complete(await jane.submit(`${path}/account/sessions/end`));
    expect(done.text).toContain("You are signed in here and nowhere else.");
    expect(ceremonyOf(await other.open(`${path}/account`)).kind).toBe("authentication");
    expect((await jane.open(`${path}/account`)).text).toContain("New Person");
  });

  it("serves the script and the style that its pages name", async () => {
    const page = await jane.open(`${path}/account`);
    const [, css = ""] = /href="([^"]+\.css)"/.exec(page.text) ?? [];
    expect((await jane.open(css)).headers.get("content-type")).toContain("text/css");
  });

  it("adds a passkey after a fresh proof, and leads back", async () => {
    const confirm = await jane.submit(`${path}/account/passkeys/add`);
    const page = await jane.complete(confirm);
    expect(ceremonyOf(page).kind).toBe("registration");
    expect(new URL(page.url).pathname).toBe(`${path}/account/passkeys/new`);
  });

  it("signs in without an app, so that apps find the session; and signs out", async () => {
    const alone = host.browser(jane.authenticator);
    const page = await alone.open(`${path}/account`);
    expect(new URL(page.url).pathname).toBe(`${path}/sign-in`);
    expect((await alone.complete(page)).text).toContain("New Person");
    const request = await app.request({ scope: "openid email", prompt: "none" });
    expect((await app.tokens(request, await alone.open(request.url))).idToken.sub).toBe(sub);
    await alone.submit(`${path}/account/sign-out`);
    const after = await app.request({ prompt: "none" });
    expect(app.error(after, await alone.open(after.url))).toBe("login_required");
  });

  it("leaves everything else as the host has it: no header of ours, no page of ours, its own 404", async () => {
    for (const address of [
      `${path}/.well-known/openid-configuration`,
      `${path}/nothing/here`,
      "/elsewhere",
    ]) {
      const answer = await jane.request(address);
      expect(answer.headers.get("x-frame-options")).toBeNull();
      expect(answer.text).not.toContain("Latchkey");
    }
    const ours = await jane.request(`${path}/account`);
    expect(ours.headers.get("content-security-policy")).toContain("default-src 'none'");
    for (const gone of ["/setup/x", "/demo", "/admin", "/apps"]) {
      expect((await jane.request(path + gone)).headers.get("x-frame-options")).toBeNull();
    }
    if (name !== "Koa alone") {
      expect((await jane.request("/elsewhere")).headers.get("x-host")).toBe("yes");
    }
  });
});

describe.each(stores)("a host's own rules over $name", (kind) => {
  it("who may open an app is the host's to say, whatever its clients have under our names", async () => {
    const store = await kind.open();
    const [client] = configured().clients as object[];
    const host = await startHost({
      store: store.store,
      options: { firstParty: () => true },
      configuration: {
        clients: [{ ...client, groups: ["staff"] }] as never,
        extraClientMetadata: { properties: ["groups"] },
      },
    });
    const [app, browser] = [await host.app(), host.browser()];
    const request = await app.request({ prompt: "create" });
    const fields = { name: "New", email: "n@example.com" };
    const back = await browser.complete(await browser.open(request.url), fields);
    expect((await app.tokens(request, back)).idToken.acr).toBe("phr");
    expect((await browser.open("/account")).text).not.toContain('href="/apps"');
    await host.stop();
    await store.close();
  });
});
