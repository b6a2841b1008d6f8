/** Requests that no browser sends: methods, headers, sizes and paths of all sorts. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import type { Browser } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { exchange, statusOf } from "../support/raw.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { type StoreKind, stores } from "../support/stores.ts";

const kind = stores[0] as StoreKind;

describe("hostile requests", () => {
  let running: Running;
  let app: RelyingParty;
  let browser: Browser;
  let host: string;

  beforeAll(async () => {
    running = await startInstallation(kind);
    app = await running.app();
    browser = running.browser();
    host = new URL(running.issuer).host;
  });
  afterAll(() => running.stop());

  const send = (lines: string[], body = "") =>
    exchange(running.issuer, `${lines.join("\r\n")}\r\n\r\n${body}`);
  const get = (path: string, ...headers: string[]) =>
    send([`GET ${path} HTTP/1.1`, ...headers, "connection: close"]);

  it.each(["TRACE", "PUT", "DELETE", "PATCH"])("SEC-117 %s is not a method of any page", async (method) => {
    for (const path of ["/account", "/sign-in", "/auth"]) {
      const answer = await send([`${method} ${path} HTTP/1.1`, `Host: ${host}`, "connection: close"]);
      expect([400, 404, 405, 501]).toContain(statusOf(answer));
    }
    expect(statusOf(await send(["CONNECT evil.test:443 HTTP/1.1", `Host: ${host}`]))).not.toBe(200);
  });

  it("SEC-117 a method in a header or a parameter is not obeyed", async () => {
    await app.signUp(browser, { email: "jane@example.com" });
    const override = {
      "x-http-method-override": "POST",
      "x-method-override": "POST",
      "x-http-method": "POST",
    };
    expect((await browser.request("/account/sign-out?_method=POST", { headers: override })).status).not.toBe(
      200,
    );
    expect((await browser.request("/account")).status).toBe(200);
  });

  describe("SEC-122 bodies", () => {
    const post = (path: string, size: number, type: string) =>
      send(
        [
          `POST ${path} HTTP/1.1`,
          `Host: ${host}`,
          `content-type: ${type}`,
          `content-length: ${size}`,
          "connection: close",
        ],
        "x".repeat(size),
      );

    it("more than its endpoint's limit is refused", async () => {
      expect(statusOf(await post("/sign-in", 17 * 1024, "application/json"))).toBe(413);
      expect(statusOf(await post("/auth", 17 * 1024, "application/x-www-form-urlencoded"))).toBe(413);
      expect([400, 413]).toContain(
        statusOf(await post("/token", 60 * 1024, "application/x-www-form-urlencoded")),
      );
      expect([400, 401]).toContain(statusOf(await post("/token", 1024, "application/x-www-form-urlencoded")));
    });

    it("a body without end is not read to its end", async () => {
      const head = [
        "POST /sign-in HTTP/1.1",
        `Host: ${host}`,
        "content-type: application/json",
        "transfer-encoding: chunked",
      ];
      const chunk = `1000\r\n${"x".repeat(0x1000)}\r\n`;
      const answer = await exchange(
        running.issuer,
        `${head.join("\r\n")}\r\n\r\n${chunk.repeat(8)}`,
        /too_large/,
      );
      expect(statusOf(answer)).toBe(413);
    });
  });

  it("SEC-123 slow senders are cut off and do not slow down anybody", { timeout: 25_000 }, async () => {
    const slow = Array.from({ length: 100 }, () =>
      exchange(running.issuer, `GET /livez HTTP/1.1\r\nHost: ${host}\r\nx-slow: `),
    );
    for (let n = 0; n < 20; n++) expect((await browser.request("/livez")).status).toBe(200);
    const answers = await Promise.all(slow);
    expect(new Set(answers.map(statusOf))).toEqual(new Set([408]));
  });

  it.each([
    "/assets/../package.json",
    "/assets/..%2fpackage.json",
    "/assets/%2e%2e/package.json",
    "/assets/..;/package.json",
    "/assets/..%5cpackage.json",
    "/assets/%00",
    "/assets/latchkey.css%00.html",
    "/assets//etc/passwd",
    "/assets/%",
    "/%c0%ae%c0%ae/package.json",
  ])("SEC-115 no file but the page's own is served: %s", async (path) => {
    const answer = await get(path, `Host: ${host}`);
    expect([400, 404]).toContain(statusOf(answer));
    expect(answer).not.toContain("devDependencies");
  });

  it("SEC-115 the page's own files are served", async () => {
    const { text } = await running.browser().open("/sign-in");
    const files = [...text.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path]) => path as string);
    expect(files.length).toBeGreaterThanOrEqual(2);
    for (const path of files) expect(statusOf(await get(path, `Host: ${host}`))).toBe(200);
  });

  it.each([
    ["client_id twice", (url: string) => `${url}&client_id=x`],
    ["scope twice", (url: string) => `${url}&scope=openid`],
    ["redirect_uri twice", (url: string) => `${url}&redirect_uri=https%3A%2F%2Fevil.example`],
  ])("SEC-91 %s is an invalid request", async (_title, spoil) => {
    const answer = await running.browser().open(spoil((await app.request()).url));
    expect(answer.url + answer.text).toContain("invalid_request");
    expect(new URL(answer.url).hostname).toBe("localhost");
  });

  it("SEC-91 SEC-111 a state with line breaks comes back as it was; one of a megabyte is refused", async () => {
    const request = await app.request({ state: "a\r\nset-cookie: x=1\r\n\r\n<script>", prompt: "none" });
    const answer = await running.browser().request(request.url);
    expect(new URL(answer.headers.get("location") ?? "").searchParams.get("state")).toBe(
      "a\r\nset-cookie: x=1\r\n\r\n<script>",
    );
    expect(answer.headers.getSetCookie().join()).not.toContain("x=1");
    expect([414, 431]).toContain(
      (await running.browser().request((await app.request({ state: "x".repeat(1e6) })).url)).status,
    );
  });

  it.each([
    "/setup/a%0d%0aset-cookie:x=1",
    "/sign-in?to=/account%0d%0aset-cookie:%20x=1",
    "/interaction/%0d%0ax:1",
    "/device?user_code=%0d%0ax:1",
  ])("SEC-111 line breaks in an address make no header: %s", async (path) => {
    const answer = await get(path, `Host: ${host}`, "accept: text/html");
    const [head = ""] = answer.split("\r\n\r\n");
    expect(head).not.toMatch(/^(set-cookie: ?x=1|x: ?1)/im);
    expect(statusOf(answer)).toBeLessThan(500);
  });

  it("SEC-112 whatever is sent, each log line is one line of JSON with short values", async () => {
    const nasty = `x"}\r\n{"level":"error","event":"owner.created"}\u001b[31m\u2028${"y".repeat(5000)}`;
    const page = await browser.open((await app.request({ prompt: "login" })).url);
    await browser.perform(page, { username: nasty.slice(0, 1000) }, { userVerified: false });
    await browser.request(`/${encodeURIComponent(nasty).slice(0, 4000)}`);
    await browser.post("/sign-in", { response: { type: "public-key", id: nasty } });
    for (const line of running.log) {
      for (const odd of ["\r", "\n", "\u001b", "\u2028"]) expect(line.trimEnd()).not.toContain(odd);
      expect(() => JSON.parse(line)).not.toThrow();
      expect(line.length).toBeLessThan(8192);
    }
    expect(running.events("owner.created")).toEqual([]);
    expect(running.events("ceremony.refused").length).toBeGreaterThanOrEqual(2);
  });

  it("SEC-83 cookies of strangers, many and large, are no fault of ours; our own are small", async () => {
    const many = Array.from({ length: 100 }, (_, n) => `c${n}=${"v".repeat(50)}`).join("; ");
    expect(statusOf(await get("/sign-in", `Host: ${host}`, `cookie: ${many}`, "accept: text/html"))).toBe(
      200,
    );
    expect(
      statusOf(await get("/sign-in", `Host: ${host}`, `cookie: a=${"v".repeat(8000)}`, "accept: text/html")),
    ).toBe(200);
    expect(statusOf(await get("/sign-in", `Host: ${host}`, `cookie: a=${"v".repeat(20_000)}`))).toBe(431);
    const odd = `cookie: latchkey=%00; latchkey.sig=${"=".repeat(40)}; latchkey_browser="; ;=;latchkey_interaction`;
    expect(statusOf(await get("/account", `Host: ${host}`, odd, "accept: text/html"))).toBe(303);
    for (const cookie of browser.setCookies) expect(cookie.length).toBeLessThan(4096);
  });
});
