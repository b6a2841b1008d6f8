/** Wrong answers at a sign-in page: each beside the right one, which the same page then takes or a fresh one does. */
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import "../support/prototypes.ts";
import { type Answer, type Browser, ceremonyOf } from "../support/browser.ts";
import { sceneWithJane } from "../support/scene.ts";
import { stores } from "../support/stores.ts";

type Overrides = Parameters<Browser["respond"]>[1];

describe.each(stores)("a hostile answer over $name", (kind) => {
  const here = sceneWithJane(kind);
  let page: Answer;
  let other: string;
  let mark: number;

  beforeAll(async () => {
    const john = here.running.browser();
    await here.app.signUp(john, { email: "john@example.com" });
    other = john.authenticator.credentials[0]?.userHandle ?? "";
  });
  beforeEach(async () => {
    vi.useRealTimers();
    page = await freshPage();
    mark = here.running.log.length;
  });

  const freshPage = async (browser = here.running.browser(here.jane.authenticator)) => {
    const opened = await browser.open((await here.app.request()).url);
    browsers.set(opened, browser);
    return opened;
  };
  const browsers = new WeakMap<Answer, Browser>();
  const browserOf = (of: Answer) => browsers.get(of) as Browser;
  const perform = (of: Answer, overrides: Overrides = {}) =>
    browserOf(of).perform(of, {}, overrides as object);

  /** A refusal: its status and code, a problem document, one event in the log, no session. */
  async function expectRefused(answer: Answer, status: number, code: string, browser = browserOf(page)) {
    expect([answer.status, answer.json().code]).toEqual([status, code]);
    expect(answer.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    expect(here.running.events("ceremony.refused", mark)).toHaveLength(1);
    expect((await browser.request("/account")).status).toBe(303);
  }
  const expectAccepted = async (of: Answer) => expect((await perform(of)).status).toBe(200);

  it.each<[string, Overrides]>([
    ["SEC-5 the answer of a registration", { type: "webauthn.create" }],
    ["SEC-11 another host", { origin: "https://evil.example" }],
    ["SEC-11 a sub-domain", { origin: "http://a.localhost" }],
    ["SEC-11 another port", { origin: "http://localhost:1" }],
    ["SEC-11 another scheme", { origin: "https://localhost" }],
    ["SEC-11 null", { origin: "null" }],
    ["SEC-11 upper case", { origin: "HTTP://LOCALHOST" }],
    ["SEC-11 an here.app's key hash", { origin: "android:apk-key-hash:AAAA" }],
    ["SEC-12 another relying party", { rpId: "evil.example" }],
    ["SEC-13 crossOrigin", { crossOrigin: true }],
    ["SEC-13 a topOrigin", { crossOrigin: true, topOrigin: "https://evil.example" }],
    ["SEC-13 a topOrigin alone", { topOrigin: "http://localhost" }],
    ["SEC-15 no user presence", { userPresent: false }],
    ["SEC-16 no user verification", { userVerified: false }],
    ["SEC-18 backed up without being eligible", { backupEligible: false, backedUp: true }],
    ["SEC-19 another eligibility than before", { backupEligible: false, backedUp: false }],
    ["SEC-21 no user handle", { userHandle: null }],
    ["SEC-21 a user handle of nobody", { userHandle: "AAAA" }],
    ["SEC-22 an id that is not the rawId", { rawId: "AAAA" }],
    ["SEC-22 an id of nobody", { id: "AAAA", rawId: "AAAA" }],
    ["SEC-26 an id of 1024 bytes", { id: "A".repeat(1366), rawId: "A".repeat(1366) }],
    ["SEC-30 a spoiled signature", { signature: "spoiled" }],
    ["SEC-30 a raw signature", { signature: "raw" }],
    ["SEC-29 client data that are no JSON", { clientDataJSON: () => "{" }],
    ["SEC-29 client data that are no UTF-8", { clientDataJSON: () => Buffer.of(0xff, 0xfe) }],
    ["SEC-29 client data of a megabyte", { clientDataJSON: (json: string) => json + " ".repeat(11_000) }],
  ])("%s is refused, and a right answer accepted", async (_title, overrides) => {
    const answer = await perform(page, overrides);
    expect(answer.status).toBe(401);
    await expectRefused(answer, 401, "authentication_failed");
    const { challenge } = ceremonyOf(page).options;
    expect(here.running.log.slice(mark).join("")).not.toContain(challenge);
    await expectAccepted(await freshPage(browserOf(page)));
  });

  it("SEC-21 the user handle of another account is refused", async () => {
    await expectRefused(
      await perform(page, { userHandle: other } as Overrides),
      401,
      "authentication_failed",
    );
    await expectAccepted(await freshPage(browserOf(page)));
  });

  it("SEC-29 extra and polluting members change nothing", async () => {
    const clientDataJSON = (json: string) =>
      `{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},${json.slice(1)}`;
    expect((await perform(page, { clientDataJSON } as Overrides)).status).toBe(200);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it("SEC-1 the same answer a second time is refused", async () => {
    const browser = browserOf(page);
    const { action } = ceremonyOf(page);
    const body = { response: browser.respond(page) };
    expect((await browser.post(action, body)).status).toBe(200);
    const again = await browser.post(action, body);
    expect([again.status, again.json().code]).toEqual([400, "interaction_expired"]);

    const signIn = await here.running.browser(here.jane.authenticator).open("/sign-in");
    const twice = here.running.browser(here.jane.authenticator);
    const own = await twice.open("/sign-in");
    const answer = { response: twice.respond(own) };
    expect((await twice.post("/sign-in", answer)).status).toBe(200);
    const replay = await twice.post("/sign-in", answer);
    expect([replay.status, replay.json().code]).toEqual([401, "authentication_failed"]);
    expect(ceremonyOf(signIn).options.challenge).not.toBe(ceremonyOf(own).options.challenge);
  });

  it("SEC-2 SEC-75 of fifty parallel posts of one answer exactly one succeeds, and one code is issued", async () => {
    const browser = browserOf(page);
    const { action } = ceremonyOf(page);
    const body = { response: browser.respond(page) };
    const answers = await Promise.all(Array.from({ length: 50 }, () => browser.post(action, body)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    // The page is over, or its challenge is used, whichever a loser finds first.
    const losers = answers.filter(({ status }) => status !== 200).map((lost) => lost.json().code);
    expect(["interaction_expired", "authentication_failed"]).toEqual(
      expect.arrayContaining([...new Set(losers)]),
    );
  });

  it("SEC-75 of parallel right answers to one interaction one code comes", async () => {
    const browser = browserOf(page);
    const second = await browser.open(page.url);
    const posts = [page, second].map((each) =>
      browser.post(ceremonyOf(page).action, { response: browser.respond(each) }),
    );
    const answers = await Promise.all(posts);
    const locations = answers
      .filter(({ status }) => status === 200)
      .map((answer) => String(answer.json().location));
    const ends = await Promise.all(locations.map((location) => browser.open(location)));
    expect(ends.filter(({ url }) => url.includes("code="))).toHaveLength(1);
  });

  it("SEC-3 a challenge of one interaction is worth nothing at another of the same browser, and gone", async () => {
    const browser = browserOf(page);
    const second = await freshPage(browser);
    mark = here.running.log.length;
    const misplaced = await browser.post(ceremonyOf(second).action, { response: browser.respond(page) });
    await expectRefused(misplaced, 401, "authentication_failed");
    await expectAccepted(second);
  });

  it("SEC-4 SEC-10 SEC-71 a challenge of one browser is worth nothing in another, which cannot use it up either", async () => {
    const thief = here.running.browser(here.jane.authenticator);
    const { action } = ceremonyOf(page);
    const stolen = await thief.post(action, { response: thief.respond(page) });
    expect([stolen.status, stolen.json().code]).toEqual([400, "interaction_expired"]);
    const own = await freshPage(thief);
    const swapped = await thief.post(ceremonyOf(own).action, { response: thief.respond(page) });
    expect([swapped.status, swapped.json().code]).toEqual([401, "authentication_failed"]);
    await expectAccepted(page);
  });

  it("SEC-71 another browser sees nothing of an interaction but that it is over", async () => {
    const victim = await here.running.browser().open(page.url);
    expect(victim.status).toBe(400);
    expect(victim.text).toContain("interaction_expired");
    expect(victim.text).not.toContain("data-ceremony");
  });

  it("SEC-5 a challenge for signing in registers nothing, and the reverse", async () => {
    const browser = browserOf(page);
    const create = await browser.open(`${new URL(page.url).pathname}/register`);
    mark = here.running.log.length;
    const options = { ...ceremonyOf(create).options, challenge: ceremonyOf(page).options.challenge };
    const { SoftwareAuthenticator } = await import("../../src/testing.ts");
    const made = new SoftwareAuthenticator().create(options, here.running.issuer);
    const answer = await browser.post(ceremonyOf(create).action, { response: made, email: "x@example.com" });
    await expectRefused(answer, 400, "ceremony_expired");
    mark = here.running.log.length;
    const asserted = browser.authenticator.get(
      { ...ceremonyOf(page).options, challenge: ceremonyOf(create).options.challenge },
      here.running.issuer,
    );
    await expectRefused(
      await browser.post(ceremonyOf(page).action, { response: asserted }),
      401,
      "authentication_failed",
    );
    await expectAccepted(await freshPage(browser));
  });

  it("SEC-7 a challenge lives thirty minutes, and a clock that goes back does not renew it", async () => {
    const MINUTE = 60_000;
    const start = Date.now();
    vi.useFakeTimers({ toFake: ["Date"], now: start });
    const browser = here.running.browser(here.jane.authenticator);
    const early = await browser.open("/sign-in");
    vi.setSystemTime(start + 29 * MINUTE);
    expect((await browser.perform(early)).status).toBe(200);
    const late = await browser.open("/sign-in");
    vi.setSystemTime(start + (29 + 30) * MINUTE + 1000);
    expect((await browser.perform(late)).json().code).toBe("authentication_failed");
    const future = await browser.open("/sign-in");
    vi.setSystemTime(start);
    expect((await browser.perform(future)).json().code).toBe("authentication_failed");
  });

  it("SEC-8 what a client says about its own terms is refused or ignored", async () => {
    const browser = browserOf(page);
    const { action } = ceremonyOf(page);
    for (const extra of [
      { challenge: "AAAA" },
      { rpId: "evil.example" },
      { userVerification: "discouraged" },
      { allowCredentials: [] },
    ]) {
      const answer = await browser.post(action, { response: browser.respond(page), ...extra });
      expect([answer.status, answer.json().code]).toEqual([400, "request_invalid"]);
    }
    const forged = browser.authenticator.get(
      { ...ceremonyOf(page).options, challenge: "A".repeat(64) },
      here.running.issuer,
    );
    expect((await browser.post(action, { response: forged })).status).toBe(401);
    await expectAccepted(page);
  });

  it("SEC-9 a page that is asked for a hundred times holds two challenges", async () => {
    const browser = browserOf(page);
    const pages = [];
    for (let n = 0; n < 100; n++) pages.push(await browser.open(page.url));
    let challenges = 0;
    const uid = new URL(page.url).pathname.split("/").at(-1);
    for await (const { entries } of here.running.store.store.scan("ceremony")) {
      const live = entries.map(({ value }) => (value as { live: unknown[] }).live.length);
      expect(Math.max(0, ...live)).toBeLessThanOrEqual(2);
      challenges += live.length;
    }
    expect(challenges).toBeGreaterThan(0);
    expect(uid).toMatch(/^[\w-]+$/);
    const [oldest, previous, newest] = [pages.at(-3), pages.at(-2), pages.at(-1)] as [Answer, Answer, Answer];
    expect((await browser.perform(oldest)).json().code).toBe("authentication_failed");
    expect((await browser.perform(previous)).status).toBe(200);
    expect(newest.status).toBe(200);
  });
});
