/** Floods: who asks too often is told to wait, and everybody else is served. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { refuse } from "../../src/errors.ts";
import { type Browser, ceremonyOf } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { override } from "../support/override.ts";
import { type StoreKind, stores } from "../support/stores.ts";

const CEREMONIES = 20;
const limits = { ceremonies: `${CEREMONIES}/1m`, signUps: "3/1m" };

/** How many of `count` requests are served, asked one after another. */
async function served(
  browser: Browser,
  count: number,
  headers: (n: number) => Record<string, string> = () => ({}),
) {
  const statuses = [];
  for (let n = 0; n < count; n++)
    statuses.push((await browser.request("/sign-in", { headers: headers(n) })).status);
  expect(new Set(statuses)).toEqual(new Set([200, 429]));
  return statuses.filter((status) => status === 200).length;
}

describe.each(stores)("limits over $name", (kind) => {
  let running: Running;
  beforeAll(async () => {
    running = await startInstallation(kind, { limits });
  });
  afterAll(() => running.stop());

  it("SEC-9 SEC-67 stop one address after so many ceremonies, whatever it says about its address", async () => {
    const forged = (n: number) => ({
      "x-forwarded-for": `10.0.0.${n}`,
      "x-real-ip": `10.0.1.${n}`,
      forwarded: `for=10.0.2.${n}`,
    });
    expect(await served(running.browser(), CEREMONIES + 5, forged)).toBe(CEREMONIES);

    const page = await running.browser().request("/sign-in");
    expect(Number(page.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(page.text).toContain("too_many_requests");
    const posted = await running.browser().post("/sign-in", { response: {} });
    expect([posted.status, posted.json().code]).toEqual([429, "too_many_requests"]);
    expect(posted.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    expect(Number(posted.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await running.browser().request("/about/passkeys")).status).toBe(200);
    expect((await running.browser().request("/livez")).status).toBe(200);
  });

  it("SEC-9 hold requests of apps that somebody would have to sign in for, and no others", async () => {
    const app = await running.app();
    const jane = running.browser();
    const { url } = await app.request();
    const statuses = [];
    const mark = running.log.length;
    for (let n = 0; n < CEREMONIES + 5; n++) statuses.push((await running.browser().request(url)).status);
    expect(statuses.filter((status) => status === 303)).toHaveLength(CEREMONIES);
    expect(statuses.filter((status) => status === 429)).toHaveLength(5);
    expect(running.log.slice(mark).filter((line) => line.includes('"level":"error"'))).toEqual([]);
    const silent = await app.request({ prompt: "none" });
    expect(app.error(silent, await jane.open(silent.url))).toBe("login_required");
  });

  it("an instance that starts later goes on counting where the others are", async () => {
    await running.restart();
    expect(await served(running.browser(), CEREMONIES)).toBeLessThan(CEREMONIES / 2);
  });
});

describe("limits", () => {
  const kind = stores[0] as StoreKind;

  it("SEC-67 behind one proxy, count by what that proxy says, and by nothing left of it", async () => {
    const running = await startInstallation(kind, { limits, trustProxy: 1 });
    try {
      const by = (address: string) => (n: number) => ({ "x-forwarded-for": `10.9.9.${n}, ${address}` });
      expect(await served(running.browser(), CEREMONIES + 5, by("192.0.2.1"))).toBe(CEREMONIES);
      expect(await served(running.browser(), CEREMONIES + 5, by("192.0.2.2"))).toBe(CEREMONIES);
      const spellings = ["2001:DB8::1", "2001:db8:0:0::2", "2001:0db8:0000:0000:1:2:3:4"];
      expect(await served(running.browser(), CEREMONIES + 5, (n) => by(spellings[n % 3] as string)(n))).toBe(
        CEREMONIES,
      );
    } finally {
      await running.stop();
    }
  });

  it("SEC-69 hold in this process when the store cannot count", async () => {
    const wrap = (store: Parameters<typeof override>[0]) =>
      override(store, { count: () => Promise.reject(refuse("store_unavailable")) });
    const running = await startInstallation(kind, { limits }, { wrap });
    try {
      expect(await served(running.browser(), CEREMONIES + 5)).toBe(CEREMONIES);
    } finally {
      await running.stop();
    }
  });

  it("hold new accounts of one address to their own limit", async () => {
    const running = await startInstallation(kind, { limits: { ...limits, ceremonies: "1000/1m" } });
    try {
      const app = await running.app();
      const statuses = [];
      for (let n = 0; n < 5; n++) {
        const browser = running.browser();
        const page = await browser.open((await app.request({ prompt: "create" })).url);
        expect(ceremonyOf(page).kind).toBe("registration");
        statuses.push((await browser.perform(page, { email: `u${n}@example.com` })).status);
      }
      expect(statuses).toEqual([200, 200, 200, 429, 429]);
      const found = [];
      for await (const account of running.installation.accounts.list()) found.push(account);
      expect(found).toHaveLength(3);
    } finally {
      await running.stop();
    }
  });
});
