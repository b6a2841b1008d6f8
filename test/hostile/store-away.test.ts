/** The store goes away, in part or as a whole: honest answers, nothing half done, and recovery by itself. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { refuse } from "../../src/errors.ts";
import type { Store } from "../../src/store/store.ts";
import type { Answer, Browser } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { override } from "../support/override.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { sceneWithJane } from "../support/scene.ts";
import { stores } from "../support/stores.ts";

const WRITES = ["write", "commit", "take", "remove"] as const;

/** What is left of an answer when something behind it could not be stored. */
function expectUnavailable(answer: Answer): void {
  expect(answer.status, answer.text).toBe(503);
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(answer.headers.getSetCookie()).toEqual([]);
  expect(answer.headers.get("location")).toBeNull();
  expect(answer.text).not.toMatch(/access_token|code=|"location"/);
}

describe.each(stores)("a store that fails over $name", (kind) => {
  let running: Running;
  let app: RelyingParty;
  let jane: Browser;
  /** Operations since the start, and which of them fails. */
  const fault = { which: [] as readonly string[], count: 0, at: 0 };

  const faulty = (store: Store) => {
    const methods = [...WRITES, "read"] as const;
    const replaced = methods.map((name) => [
      name,
      (...args: unknown[]) => {
        // Whether the store is still ours is asked by no request.
        const isAsked = fault.which.includes(name) && args[0] !== "meta:store";
        if (isAsked && ++fault.count === fault.at) return Promise.reject(refuse("store_unavailable"));
        return (store[name] as (...args: unknown[]) => Promise<unknown>).apply(store, args);
      },
    ]);
    return override(store, Object.fromEntries(replaced) as Partial<Store>);
  };

  beforeAll(async () => {
    running = await startInstallation(kind, {}, { wrap: faulty });
    app = await running.app();
    jane = running.browser();
    await app.signUp(jane, { email: "jane@example.com" });
  });
  afterAll(() => running.stop());

  /** The requests of one sign-in, one after another, until one is not answered as it should be. */
  async function journey(): Promise<Answer | undefined> {
    const browser = running.browser(jane.authenticator);
    const request = await app.request({ scope: "openid offline_access" });
    const start = await browser.request(request.url);
    if (start.status !== 303) return start;
    const page = await browser.request(start.headers.get("location") ?? "");
    if (page.status !== 200) return page;
    const signedIn = await browser.perform(page);
    if (signedIn.status !== 200) return signedIn;
    const end = await browser.open(String(signedIn.json().location));
    if (!new URL(end.url).searchParams.has("code")) return end;
    const tokens = await asAnswer(await app.redeem(request, app.callback(request, end)));
    if (tokens.status !== 200) return tokens;
    const userinfo = await asAnswer(await app.userinfo(String(tokens.json().access_token)));
    if (userinfo.status !== 200) return userinfo;
    const refreshed = await asAnswer(await app.refresh(String(tokens.json().refresh_token)));
    return refreshed.status === 200 ? undefined : refreshed;
  }

  async function asAnswer(response: Response): Promise<Answer> {
    const text = await response.text();
    return {
      status: response.status,
      url: response.url,
      headers: response.headers,
      text,
      json: () => JSON.parse(text),
    };
  }

  it.each([
    ["write", WRITES, 8],
    ["read", ["read"], 8],
  ] as const)(
    "SEC-130 whichever %s of a sign-in fails, its request says 503 and hands nothing out",
    async (_what, which, least) => {
      Object.assign(fault, { which, count: 0, at: 0 });
      expect(await journey()).toBeUndefined();
      const operations = fault.count;
      let refused = 0;
      for (let at = 1; at <= operations; at++) {
        Object.assign(fault, { count: 0, at });
        const failed = await journey();
        if (!failed) continue;
        expectUnavailable(failed);
        refused++;
      }
      Object.assign(fault, { which: [], at: 0 });
      expect(refused).toBeGreaterThanOrEqual(least);
      expect(await journey()).toBeUndefined();
    },
  );

  it.each([
    ["write", WRITES],
    ["read", ["read"]],
  ] as const)(
    "whichever %s of a sign-up fails, there is an account that can sign in, or none",
    async (what, which) => {
      Object.assign(fault, { which, count: 0, at: 0 });
      const attempt = async (email: string) => {
        const browser = running.browser();
        const page = await browser.open((await app.request({ prompt: "create" })).url);
        if (page.status !== 200) return { browser, answer: page };
        return { browser, answer: await browser.perform(page, { email }) };
      };
      expect((await attempt(`${what}@example.com`)).answer.status).toBe(200);
      const operations = fault.count;
      for (let at = 1; at <= operations; at++) {
        Object.assign(fault, { which, count: 0, at });
        const { browser, answer } = await attempt(`${what}-${at}@example.com`);
        Object.assign(fault, { which: [], at: 0 });
        if (answer.status !== 200) expectUnavailable(answer);
        const account = await running.installation.accounts.findByLogin(`${what}-${at}`);
        const active = account?.value.state === "active";
        if (answer.status === 200) expect(active).toBe(true);
        if (!active) continue;
        const again = running.browser(browser.authenticator);
        expect((await again.perform(await again.open("/sign-in"))).status).toBe(200);
      }
    },
  );
});

const redis = stores.filter(({ name }) => name === "redis");

describe.each(redis)("a $name that goes away", (kind) => {
  const here = sceneWithJane(kind);

  /** The answer must come within the three seconds that are promised. */
  const soon = () => ({ signal: AbortSignal.timeout(3000) });
  const server = () => here.running.store.server as NonNullable<typeof here.running.store.server>;

  it.each([
    ["is killed", () => server().kill(), () => server().start()],
    ["hangs", () => server().pause(), () => server().resume()],
  ] as const)(
    "that %s is answered with 503 and Retry-After within 3 seconds, and comes back by itself",
    async (_title, fail, repair) => {
      await fail();
      const { url } = await here.app.request();
      for (const path of [url, "/account", "/sign-in", "/setup/x"])
        expectUnavailable(await here.jane.request(path, soon()));
      const form = new URLSearchParams({
        grant_type: "authorization_code",
        code: "x",
        redirect_uri: here.app.redirectUri,
      });
      const authorization = `Basic ${btoa(`${here.app.client.client_id}:${here.app.secret}`)}`;
      expectUnavailable(
        await here.jane.request("/token", {
          method: "POST",
          body: form,
          headers: { authorization },
          ...soon(),
        }),
      );
      expect((await here.jane.request("/livez", soon())).status).toBe(200);
      const ready = await here.jane.request("/readyz", soon());
      expect([ready.status, Number(ready.headers.get("retry-after")) > 0]).toEqual([503, true]);

      await repair();
      await expect
        .poll(async () => (await here.jane.request("/readyz")).status, { timeout: 10_000 })
        .toBe(200);
      expect((await here.jane.request("/account")).status).toBe(200);
      expect((await here.app.signIn(here.running.browser(here.jane.authenticator))).idToken.acr).toBe("phr");
    },
  );
});
