/** Hosts that are set up wrongly hear of it at once, or from the first request on: never "this page has expired". */
import { createServer } from "node:http";
import Koa from "koa";
import Provider from "oidc-provider";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type PasskeysOptions, passkeys } from "../../src/plugin/passkeys.ts";
import { Browser } from "../support/browser.ts";
import { freePort } from "../support/redis.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { configured, type Host, mountings, mountKoa, startHost, Users } from "./host.ts";

describe("keys.mount", () => {
  const issuer = "https://id.example.com";
  const cookies = { keys: ["a cookie key"] };
  let opened: OpenStore;
  const running: Host[] = [];

  beforeAll(async () => {
    opened = await (stores[0] as (typeof stores)[number]).open();
  });
  afterEach(async () => {
    for (const host of running.splice(0)) await host.stop();
  });
  afterAll(() => opened.close());

  const keysWith = (options: Partial<PasskeysOptions> = {}) =>
    passkeys({ issuer, store: opened.store, accounts: new Users().directory, ...options });
  function made(options: Partial<PasskeysOptions> = {}) {
    const keys = keysWith(options);
    return { keys, provider: new Provider(issuer, keys.configuration({ cookies })) };
  }
  const refused = (mount: () => void, words: RegExp) => {
    expect(mount).toThrow(TypeError);
    expect(mount).toThrow(words);
  };

  it("takes a provider that was made for it", async () => {
    const { keys, provider } = made();
    expect(() => keys.mount(provider)).not.toThrow();
    await keys.close();
  });

  it("refuses a second call, one after callback(), one before configuration()", async () => {
    const { keys, provider } = made();
    keys.mount(provider);
    refused(() => keys.mount(provider), /twice/);
    await keys.close();
    const late = made();
    late.provider.callback();
    refused(() => late.keys.mount(late.provider), /after provider\.callback\(\)/);
    refused(() => keysWith().mount(provider), /keys\.configuration/);
  });

  it("refuses a provider of another copy of oidc-provider, and one with another issuer", () => {
    const { keys, provider } = made();
    const twin = Object.create(Koa.prototype, Object.getOwnPropertyDescriptors(provider)) as Provider;
    refused(() => keys.mount(twin), /another copy of oidc-provider.*npm ls/);
    const other = new Provider("https://other.example.com", keys.configuration({ cookies }));
    refused(() => keys.mount(other), /issuer is https:\/\/other\.example\.com/);
  });

  it("refuses missing cookie keys", () => {
    const keys = keysWith({ secret: "a secret of at least thirty-two bytes" });
    const provider = new Provider(issuer, keys.configuration({}));
    refused(() => keys.mount(provider), /no cookie keys.*set cookies\.keys/);
  });

  it("SEC-67: refuses to believe anybody's X-Forwarded-For, and half of a trust in proxies", async () => {
    const behind = made();
    behind.provider.proxy = true;
    refused(() => behind.keys.mount(behind.provider), /provider\.proxy is true.*trustProxy: 1/);
    const { keys, provider } = made({ trustProxy: 1 });
    refused(() => keys.mount(provider), /set provider\.proxy = true/);
    provider.proxy = true;
    expect(() => keys.mount(provider)).not.toThrow();
    await keys.close();
  });

  async function start(o: Partial<Parameters<typeof startHost>[0]>): Promise<Host> {
    const host = await startHost({ store: opened.store, ...o });
    running.push(host);
    return host;
  }

  it("says on the first request that the application around it signs cookies with other keys", async () => {
    const around = (keys: string[] | undefined) =>
      start({
        mounting({ provider }) {
          const app = new Koa();
          if (keys) app.keys = keys;
          app.use(mountKoa("", provider));
          app.on("error", (error) => heard.push(String(error)));
          return app.callback();
        },
      });
    const heard: string[] = [];
    for (const keys of [undefined, ["other"]]) {
      const host = await around(keys);
      expect((await host.browser().request("/.well-known/openid-configuration")).status).toBe(500);
      expect(heard.pop()).toMatch(/TypeError.*set app\.keys = provider\.keys/);
    }
    const fine = await around(configured().cookies?.keys as string[]);
    expect((await fine.browser().request("/.well-known/openid-configuration")).status).toBe(200);
  });

  it("says at the first sign-in that it was mounted too late to be reached", async () => {
    const port = await freePort();
    const here = `http://localhost:${port}`;
    const keys = passkeys({ issuer: here, store: opened.store, accounts: new Users().directory });
    const provider = new Provider(here, keys.configuration(configured()));
    const app = new Koa();
    app.use(mountKoa("", provider));
    keys.mount(provider);
    const said: string[] = [];
    provider.on("server_error", (_ctx, error) => void said.push(String(error)));
    const server = createServer(app.callback()).listen(port, "127.0.0.1");
    const query = "client_id=wiki&response_type=code&scope=openid&code_challenge_method=S256";
    const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    await new Browser(here).open(`/auth?${query}&code_challenge=${challenge}`);
    expect(said).toEqual([expect.stringMatching(/not reached: call keys\.mount\(provider\) once, before/)]);
    await keys.close();
    server.closeAllConnections();
    server.close();
  });

  it("SEC-127: answers at the issuer only, and says what a proxy that is not trusted looks like", async () => {
    const host = await start({ mounting: mountings["Koa alone"] as never });
    const elsewhere = `http://127.0.0.1:${new URL(host.issuer).port}/sign-in`;
    const browser = host.browser();
    expect((await browser.request("/sign-in")).status).toBe(200);
    const refused = await browser.request(elsewhere);
    expect([refused.status, refused.headers.get("x-frame-options")]).toEqual([421, "DENY"]);
    expect(refused.text).toContain("host_refused");
    const method = await browser.request("/sign-in", { method: "DELETE" });
    expect([method.status, method.headers.get("allow")]).toEqual([405, "GET, HEAD, POST"]);
    expect(host.log.at(-1)).toContain("set provider.proxy and passkeys({ trustProxy })");
  });

  it("keeps the session as the host has configured it", async () => {
    const host = await start({
      configuration: {
        ttl: { Session: 3600 },
        cookies: { keys: ["a key"], names: { session: "sid" }, long: { sameSite: "strict" } },
      },
    });
    const browser = host.browser();
    const page = await browser.open("/sign-up");
    await browser.complete(page, { name: "New", email: "new@example.com" });
    const cookie = browser.setCookies.find((line) => line.startsWith("sid="));
    expect(cookie).toMatch(/samesite=strict/i);
    expect(Date.parse(/expires=([^;]+)/i.exec(cookie ?? "")?.[1] ?? "")).toBeLessThan(Date.now() + 3_700_000);
  });

  it("is not confused by what the host keeps in the state of a request, nor the host by ours", async () => {
    const seen: object[] = [];
    const host = await start({
      before: (provider) => {
        provider.use(async (ctx, next) => {
          ctx.state.browser = "Mozilla";
          ctx.state.address = "10.0.0.1";
          await next();
          seen.push({ ...ctx.state });
        });
      },
    });
    const browser = host.browser();
    await browser.complete(await browser.open("/sign-up"), { name: "New", email: "new@example.com" });
    expect(browser.cookies.find(({ name }) => name === "latchkey_browser")?.value).toMatch(/^[\w-]{43}$/);
    expect(new Set(seen.map((state) => JSON.stringify(state)))).toEqual(
      new Set([JSON.stringify({ browser: "Mozilla", address: "10.0.0.1" })]),
    );
  });
});
