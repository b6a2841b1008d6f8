/**
 * F18: instances whose clocks are apart. One server after another, each with a clock of its own, takes the same port and
 * the same store: that is what a balancer does to a browser.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { loadSettings } from "../../src/config/load.ts";
import { openInstallation } from "../../src/installation.ts";
import { type RunningServer, startServer } from "../../src/server.ts";
import { Browser } from "../support/browser.ts";
import { SECRET } from "../support/installation.ts";
import { freePort } from "../support/redis.ts";
import { RelyingParty } from "../support/relying-party.ts";
import { type OpenStore, stores } from "../support/stores.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe.each(stores)("F18 clocks that are apart, over $name", (kind) => {
  let opened: OpenStore;
  let server: RunningServer | undefined;
  let app: RelyingParty;
  let issuer: string;
  let settings: ReturnType<typeof loadSettings>;
  let count = 0;
  beforeAll(async () => {
    opened = await kind.open();
    settings = loadSettings({
      env: {},
      overrides: { port: await freePort(), store: opened.url, secret: SECRET },
    });
    issuer = settings.issuer;
    const { clients } = await openInstallation(settings, { store: opened.store, initialise: true });
    await at(0);
    app = await RelyingParty.register(issuer, clients, { grants: ["authorization_code", "refresh_token"] });
  });
  afterAll(async () => {
    await server?.stop();
    await opened.close();
  });

  /** From now on a server answers whose clock is so far from ours. */
  async function at(skew: number): Promise<void> {
    await server?.stop();
    const clock = { ...systemClock, now: () => systemClock.now() + skew };
    server = await startServer(settings, { store: opened.store, clock });
  }
  async function person(): Promise<Browser> {
    const browser = new Browser(issuer);
    await app.signUp(browser, { username: `person${++count}` });
    return browser;
  }
  const home = async (browser: Browser) => (await browser.request("/account")).status;

  test.each([5 * MINUTE, -5 * MINUTE])(
    "of %i ms: what one began the other finishes, and takes each other's tokens",
    async (skew) => {
      await at(0);
      const browser = await person();
      const visitor = new Browser(issuer, browser.authenticator);
      const request = await app.request({ scope: "openid offline_access" });
      const page = await visitor.open(request.url);
      await at(skew);
      const answer = await visitor.complete(page);
      await at(0);
      const parameters = app.callback(request, answer);
      const redeemed = await app.redeem(request, parameters);
      expect(redeemed.status).toBe(200);
      const { access_token: token, refresh_token: refresh } = (await redeemed.json()) as Record<
        string,
        string
      >;
      await at(skew);
      expect((await app.userinfo(String(token))).status).toBe(200);
      expect((await app.refresh(String(refresh))).status).toBe(200);
      await at(0);
      // A code that was used is used by every clock.
      expect((await app.redeem(request, parameters)).status).toBe(400);
    },
  );

  test("that is behind by minutes: what is ended there has ended everywhere", async () => {
    await at(0);
    const browser = await person();
    const other = new Browser(issuer, browser.authenticator);
    const { response } = await app.signIn(other);
    await at(-5 * MINUTE);
    const page = await browser.submit("/account/sessions/end");
    await browser.complete(page);
    await at(0);
    expect(await home(other)).toBe(303);
    expect((await app.userinfo(response.access_token)).status).toBe(401);
    expect(await home(browser)).toBe(200);
  });

  test("that jumps ahead and back: what was over by it does not begin to live again", async () => {
    await at(0);
    const browser = await person();
    await at(40 * DAY);
    expect(await home(browser)).toBe(303);
    await at(-HOUR);
    expect(await home(browser)).toBe(303);
    await at(0);
    expect(await home(browser)).toBe(303);
    // The control: whoever signs in by the clock that is right is in.
    const again = new Browser(issuer, browser.authenticator);
    await app.signIn(again);
    expect(await home(again)).toBe(200);
  });
});
