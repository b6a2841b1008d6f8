/** After everything a person and an app did: no bearer value lies in the store, and none was logged. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { SoftwareAuthenticator } from "../../src/testing.ts";
import { type Answer, type Browser, ceremonyOf } from "../support/browser.ts";
import { type Running, SECRET, startInstallation } from "../support/installation.ts";
import { everythingStored } from "../support/stored.ts";
import { type StoreKind, stores } from "../support/stores.ts";

describe.each(stores)("at rest in $name", (kind: StoreKind) => {
  let running: Running;
  /** Bearer values by what they are. */
  const seen = new Map<string, string>();
  let username: string;

  beforeAll(async () => {
    running = await startInstallation(kind);
    await everything();
  });
  afterAll(() => running.stop());

  const note = (what: string, value: unknown) => {
    expect(typeof value, what).toBe("string");
    expect((value as string).length, what).toBeGreaterThanOrEqual(8);
    seen.set(what, value as string);
  };

  function noteCookies(browser: Browser, whose: string): void {
    for (const line of browser.setCookies) {
      const [name = "", value = ""] = line.split(";")[0]?.split("=") ?? [];
      // Which apps the last pages were for is no secret.
      if (value && name !== "latchkey_apps") note(`${whose} cookie ${name} ${value.slice(0, 4)}`, value);
    }
  }

  const notePage = (what: string, page: Answer) => {
    note(`${what} challenge`, ceremonyOf(page).options.challenge);
    note(`${what} interaction`, new URL(page.url).pathname.split("/")[2]);
  };

  async function everything(): Promise<void> {
    const setup = await running.setup.issue();
    note("setup token", setup.token);
    const ada = running.browser();
    await ada.complete(await ada.open(setup.url), { name: "Ada", email: "ada@example.com" });
    noteCookies(ada, "owner's");

    const app = await running.app({ firstParty: false, name: "Third" });
    note("client secret", app.secret);
    const jane = running.browser();
    const request = await app.request({ prompt: "create consent", scope: "openid offline_access email" });
    const create = await jane.open(request.url);
    notePage("sign-up", create);
    const consent = await jane.complete(create, { email: "jane.canary@example.com" });
    username = "jane.canary";
    const end = await jane.submit(/data-decision="([^"]+)"/.exec(consent.text)?.[1] ?? "", {
      decision: "allow",
    });
    note("code", app.callback(request, end).get("code"));
    const { response } = await app.tokens(request, end);
    note("access token", response.access_token);
    note("refresh token", response.refresh_token);
    const refreshed = (await (await app.refresh(response.refresh_token as string)).json()) as Record<
      string,
      string
    >;
    note("second access token", refreshed.access_token);
    note("second refresh token", refreshed.refresh_token);
    await app.post("/token/introspection", { token: refreshed.access_token as string });
    await account(jane);
    await again(jane);
    await pushed(jane);
    await device(jane);
    noteCookies(jane, "jane's");
  }

  async function account(jane: Browser): Promise<void> {
    const confirm = await jane.submit("/account/passkeys/add");
    note("proof challenge", ceremonyOf(confirm).options.challenge);
    const page = await jane.complete(confirm);
    note("permit", new URL(page.url).searchParams.get("permit"));
    const { action, options } = ceremonyOf(page);
    await jane.post(action, { response: new SoftwareAuthenticator().create(options, running.issuer) });
  }

  /** A request that stays open, over a session. */
  async function again(jane: Browser): Promise<void> {
    const page = await jane.open((await (await running.app()).request({ prompt: "login" })).url);
    notePage("open sign-in", page);
  }

  async function pushed(jane: Browser): Promise<void> {
    const app = await running.app();
    const { url } = await app.request({ prompt: "login" });
    const answer = await app.post("/request", Object.fromEntries(new URL(url).searchParams));
    const { request_uri } = (await answer.json()) as { request_uri: string };
    note("pushed request", request_uri.split(":").at(-1));
    const query = new URLSearchParams({ client_id: app.client.client_id, request_uri });
    notePage("pushed", await jane.open(`/auth?${query}`));
  }

  async function device(jane: Browser): Promise<void> {
    const grants = ["authorization_code", "device_code"];
    const tv = await running.app({ kind: "native", redirectUris: ["http://127.0.0.1/cb"], grants });
    const started = (await (await tv.post("/device/auth", { scope: "openid" })).json()) as Record<
      string,
      string
    >;
    note("device code", started.device_code);
    note("user code", started.user_code);
    note("user code without hyphen", started.user_code?.replace("-", ""));
    const page = await jane.open(`/device?user_code=${started.user_code}`);
    expect(page.status).toBe(200);
    await tv.post("/token", {
      grant_type: "urn:ietf:params:oauth:grant-type:device_code",
      device_code: started.device_code as string,
    });
    const cold = running.browser(jane.authenticator);
    const typed = await cold.open("/device");
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(typed.text)?.[1] ?? "";
    const confirm = await cold.submit("/device", { xsrf, user_code: started.user_code as string });
    const again = /name="xsrf" value="([^"]+)"/.exec(confirm.text)?.[1] ?? "";
    await cold.submit("/device", { xsrf: again, user_code: started.user_code as string, confirm: "yes" });
    noteCookies(cold, "cold");
  }

  it("no bearer value is found in the store's bytes, but the username is", async () => {
    const store = await everythingStored(running.store);
    expect(store.includes(username)).toBe(true);
    expect(store.includes("interaction:")).toBe(true);
    expect(seen.size).toBeGreaterThan(25);
    const found = [...seen].filter(([, value]) => store.includes(value)).map(([what]) => what);
    expect(found).toEqual([]);
    expect(store.includes(SECRET)).toBe(false);
  });

  it("SEC-113 no bearer value was logged, but what happened was", () => {
    const log = running.log.join("");
    expect(log).toContain("passkey.registered");
    expect([...seen].filter(([, value]) => log.includes(value)).map(([what]) => what)).toEqual([]);
    expect(log).not.toContain(SECRET);
  });
});
