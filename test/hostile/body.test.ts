/** Broken bodies at every address that takes a ceremony's answer: refused, told, and nothing changed. */
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { type Browser, ceremonyOf } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { stores } from "../support/stores.ts";

const KIB = 1024;
const json = { "content-type": "application/json" };
const text = (value: unknown) => JSON.stringify(value);
const deep = `${"[".repeat(5000)}${"]".repeat(5000)}`;

/** What is sent, and the answer it gets: `malformed` is what the ceremony itself says to an answer that is none. */
const broken: [
  title: string,
  body: string | Uint8Array,
  headers: Record<string, string>,
  expected: string,
][] = [
  ["no JSON", "{", json, "400 request_invalid"],
  ["nothing", "", json, "400 request_invalid"],
  ["a list", "[]", json, "400 request_invalid"],
  ["a number", "1", json, "400 request_invalid"],
  ["no response", "{}", json, "400 request_invalid"],
  ["a response that is null", text({ response: null }), json, "malformed"],
  ["a response that is text", text({ response: "x" }), json, "malformed"],
  ["a response of a list", text({ response: [] }), json, "malformed"],
  [
    "a response with an empty inside",
    text({ response: { type: "public-key", id: "AAAA", rawId: "AAAA", response: {} } }),
    json,
    "malformed",
  ],
  ["SEC-28 a response 5000 levels deep", `{"response":${deep}}`, json, "malformed"],
  ["SEC-28 more than 16 KiB", text({ response: "x".repeat(16 * KIB) }), json, "413 request_too_large"],
  ["SEC-29 bytes that are no UTF-8", Buffer.of(0x7b, 0xff, 0x7d), json, "400 request_invalid"],
  [
    "SEC-107 a member that nobody asked for",
    text({ response: {}, isAdmin: true }),
    json,
    "400 request_invalid",
  ],
  ["SEC-107 an id of its own", text({ response: {}, id: "x", sub: "x" }), json, "400 request_invalid"],
  [
    "SEC-108 a member __proto__",
    `{"response":{},"__proto__":{"polluted":true}}`,
    json,
    "400 request_invalid",
  ],
  [
    "SEC-108 a response with __proto__",
    `{"response":{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}}`,
    json,
    "malformed",
  ],
  [
    "SEC-116 JSON that calls itself text",
    text({ response: {} }),
    { "content-type": "text/plain" },
    "415 media_type_unsupported",
  ],
  [
    "SEC-116 a form",
    "response=x",
    { "content-type": "application/x-www-form-urlencoded" },
    "415 media_type_unsupported",
  ],
  [
    "SEC-116 a multipart form",
    "--x--",
    { "content-type": "multipart/form-data; boundary=x" },
    "415 media_type_unsupported",
  ],
  [
    "SEC-116 another character set",
    text({ response: {} }),
    { "content-type": "application/json; charset=utf-7" },
    "415 media_type_unsupported",
  ],
  [
    "SEC-122 something compressed",
    gzipSync("x".repeat(KIB * KIB)),
    { ...json, "content-encoding": "gzip" },
    "415 media_type_unsupported",
  ],
];

describe.each(stores)("a broken body over $name", (kind) => {
  let running: Running;
  let jane: Browser;
  let passkey: string;
  /** Where an answer is taken, who sends it, and what the ceremony says to one that is malformed. */
  let doors: { door: string; path: string; browser: Browser; malformed: string }[];

  beforeAll(async () => {
    running = await startInstallation(kind);
    const app = await running.app();
    jane = running.browser();
    await app.signUp(jane, { email: "jane@example.com" });
    passkey = jane.authenticator.credentials[0]?.id ?? "";
    const stranger = running.browser();
    const { pathname } = new URL((await stranger.open((await app.request()).url)).url);
    const permitted = await jane.complete(await jane.open("/account/passkeys/add"));
    const [authentication, registration] = ["401 authentication_failed", "400 registration_refused"];
    doors = [
      {
        door: "sign-in for an app",
        path: `${pathname}/passkey`,
        browser: stranger,
        malformed: authentication,
      },
      { door: "sign-up", path: `${pathname}/register`, browser: stranger, malformed: registration },
      {
        door: "set-up",
        path: new URL((await running.setup.issue()).url).pathname,
        browser: stranger,
        malformed: registration,
      },
      { door: "sign-in", path: "/sign-in", browser: stranger, malformed: authentication },
      {
        door: "adding, proof",
        path: "/account/passkeys/add/confirm",
        browser: jane,
        malformed: authentication,
      },
      {
        door: "removing, proof",
        path: `/account/passkeys/${passkey}/remove/confirm`,
        browser: jane,
        malformed: authentication,
      },
      { door: "adding", path: ceremonyOf(permitted).action, browser: jane, malformed: registration },
    ];
  });
  afterAll(() => running.stop());

  async function accounts(): Promise<string> {
    const found = [];
    for await (const account of running.installation.accounts.list()) found.push(account);
    return JSON.stringify(found);
  }

  it.each(broken)(
    "%s is refused at every door with a problem document and one event",
    async (_title, body, headers, expected) => {
      const before = await accounts();
      for (const { door, path, browser, malformed } of doors) {
        const mark = running.log.length;
        const init = {
          method: "POST",
          body,
          headers: { accept: "application/json", origin: running.issuer, ...headers },
        };
        const answer = await browser.request(path, init as RequestInit);
        const problem = answer.json();
        expect([door, `${answer.status} ${problem.code}`]).toEqual([
          door,
          expected === "malformed" ? malformed : expected,
        ]);
        expect(answer.headers.get("content-type")).toMatch(/^application\/problem\+json/);
        expect(problem).toMatchObject({ type: `urn:latchkey:error:${problem.code}`, status: answer.status });
        expect([door, running.events("ceremony.refused", mark).length]).toEqual([door, 1]);
      }
      expect(await accounts()).toBe(before);
    },
  );

  it("SEC-72 what another site sends is refused at every door, by origin and by Sec-Fetch-Site", async () => {
    for (const { path, browser } of doors) {
      for (const headers of [
        { origin: "https://evil.example" },
        { origin: "null" },
        { "sec-fetch-site": "cross-site" },
        { "sec-fetch-site": "same-site" },
      ]) {
        const init = {
          method: "POST",
          body: "{}",
          headers: { accept: "application/json", ...json, ...headers },
        };
        const answer = await browser.request(path, init as RequestInit);
        expect([path, answer.status, answer.json().code]).toEqual([path, 403, "origin_refused"]);
      }
    }
  });

  it("the same doors still take right answers", async () => {
    const home = running.browser(jane.authenticator);
    expect((await home.perform(await home.open("/sign-in"))).status).toBe(200);
    const { url } = await running.setup.issue();
    const ada = running.browser();
    expect((await ada.perform(await ada.open(url), { email: "ada@example.com" })).status).toBe(200);
    expect((await jane.open("/account")).status).toBe(200);
    expect((await running.browser().request("/livez")).status).toBe(200);
  });
});
