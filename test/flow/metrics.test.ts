/** What operators see of a server: everything that happened, nothing of whom it happened to. */
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it, test, vi } from "vitest";
import { definitions } from "../../src/metrics/definitions.ts";
import type { Browser } from "../support/browser.ts";
import { ceremonyOf } from "../support/browser.ts";
import { type Running, SECRET, startInstallation } from "../support/installation.ts";
import { type Scraped, scrape } from "../support/metrics.ts";
import { freePort } from "../support/redis.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { type StoreKind, stores } from "../support/stores.ts";

const [embedded] = stores as [StoreKind];

const CANARY = { name: "Canary Person", email: "canary@metrics.example", username: "canary-metrics" };

describe("the metrics of a server", () => {
  let running: Running;
  let admin: number;
  let jane: Browser;
  let app: RelyingParty;
  let tokens: string[];

  beforeAll(async () => {
    admin = await freePort();
    running = await startInstallation(embedded, { adminPort: admin });
    jane = running.browser();
    app = await running.app();
    await jane.complete(await jane.open("/sign-up"), CANARY);
    const begun = await app.request();
    const end = await jane.open(begun.url);
    const { response } = await app.tokens(begun, end);
    tokens = [response.access_token, response.id_token as string];
  });
  afterAll(() => running.stop());

  /** Answers are counted when they are over, which is a moment after they have arrived. */
  const until = (isTrue: (found: Scraped) => boolean) =>
    vi.waitUntil(async () => {
      const found = await scrape(admin);
      return isTrue(found) && found;
    });

  it("count a sign-up, a token and the requests that led to it", async () => {
    const found = await until(
      (now) => (now.value("latchkey_tokens_issued_total", { grant: "authorization_code" }) ?? 0) > 0,
    );
    expect(found.value("latchkey_sign_ins_total", { way: "sign_up", outcome: "ok" })).toBe(1);
    expect(found.value("latchkey_registrations_total", { kind: "account" })).toBe(1);
    expect(found.value("latchkey_events_total", { event: "account.created" })).toBe(1);
    expect(found.value("latchkey_tokens_issued_total", { grant: "authorization_code" })).toBe(1);
    const asked = { route: "/token", method: "POST" };
    expect(found.value("latchkey_http_requests_total", { ...asked, status: "2xx" })).toBe(1);
    expect(found.value("latchkey_http_request_duration_seconds_count", asked)).toBe(1);
    expect(found.value("latchkey_store_durable_seconds_count", { outcome: "kept" })).toBeGreaterThan(0);
    expect(found.value("latchkey_store_up")).toBe(1);
    expect(found.value("latchkey_workers")).toBe(1);
    expect(found.value("latchkey_build_info", { version: "unknown", store: "lmdb" })).toBe(1);
    expect(found.value("process_start_time_seconds")).toBeGreaterThan(1e9);
  });

  it("count a sign-in with a passkey, and one that was refused with its reason", async () => {
    const own = running.browser(jane.authenticator);
    const { action, options } = ceremonyOf(await own.open("/sign-in"));
    const response = jane.authenticator.get(options, running.issuer);
    const refused = await own.post(action, { response: { ...response, id: "AAAA", rawId: "AAAA" } });
    expect(refused.status).toBe(401);
    await own.complete(await own.open("/sign-in"));
    const found = await until(
      (now) => now.value("latchkey_refusals_total", { code: "authentication_failed" }) === 1,
    );
    expect(found.value("latchkey_sign_ins_total", { way: "passkey", outcome: "ok" })).toBe(1);
    expect(found.value("latchkey_sign_ins_total", { way: "passkey", outcome: "refused" })).toBe(1);
    expect(found.series.some((key) => /^latchkey_ceremonies_refused_total .*"reason"/.test(key))).toBe(true);
  });

  it("count OAuth errors by their names, and a code that is used twice as one", async () => {
    await app.post("/token", {
      grant_type: "authorization_code",
      code: "none",
      redirect_uri: app.redirectUri,
    });
    await app.post("/token", { grant_type: "made-up" });
    const found = await until(
      (now) => now.value("latchkey_oauth_errors_total", { endpoint: "token", error: "invalid_grant" }) === 1,
    );
    const unsupported = { endpoint: "token", error: "unsupported_grant_type" };
    expect(found.value("latchkey_oauth_errors_total", unsupported)).toBe(1);
    expect(found.text).not.toContain("made-up");
  });

  it("begin with 0 what will be counted, so that the first one is seen", async () => {
    const found = await scrape(admin);
    expect(found.value("latchkey_sign_ins_total", { way: "recovery", outcome: "ok" })).toBe(0);
    expect(found.value("latchkey_logout_notices_total", { outcome: "given_up" })).toBe(0);
  });

  it("speak OpenMetrics to those who ask for it, and both are well formed", async () => {
    const plain = await scrape(admin);
    expect(plain.type).toBe("text/plain; version=0.0.4; charset=utf-8");
    for (const [name, { help, type }] of Object.entries(definitions)) {
      expect(plain.text).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
    }
    const open = await scrape(admin, {
      accept: "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
    });
    expect(open.type).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
    expect(open.text).toMatch(/# EOF\n$/);
    expect(open.text).toContain("# TYPE latchkey_sign_ins counter\n");
    expect(open.value("latchkey_sign_ins_total", { way: "sign_up", outcome: "ok" })).toBe(1);
    expect(open.text).not.toContain("_total_total");
    expect(new Set(open.series).size).toBe(open.series.length);
    // The library changes what it has written once; the next one who asks gets the names as they are.
    expect((await scrape(admin)).text).toContain("# TYPE latchkey_sign_ins_total counter\n");
  });

  it("do not grow with what strangers ask for", async () => {
    const ask = async (round: string) => {
      for (let n = 0; n < 10; n++) {
        const names = [
          `/${round}${n}`,
          `/interaction/${round}${n}`,
          `/token?${round}${n}`,
          `/assets/${round}${n}.js`,
        ];
        for (const path of names) {
          await fetch(`${running.issuer}${path}`, { redirect: "manual" });
          await fetch(`${running.issuer}${path}`, { method: "POST", redirect: "manual", body: "{}" });
          await fetch(`${running.issuer}${path}`, {
            method: n % 2 ? "PROPFIND" : "PURGE",
            redirect: "manual",
          });
        }
        await rawRequest(running.port, {
          method: "GET",
          path: "/token",
          headers: { host: `${round}${n}.example` },
        });
        await app.post("/token", { grant_type: `${round}${n}`, code: `${round}${n}` });
      }
      return until((now) => (now.value("latchkey_refusals_total", { code: "host_refused" }) ?? 0) % 10 === 0);
    };
    const before = await ask("stranger-a");
    const after = await ask("stranger-b");
    expect(before.value("latchkey_refusals_total", { code: "host_refused" })).toBe(10);
    expect(
      before.value("latchkey_http_requests_total", { route: "unknown", method: "GET", status: "4xx" }),
    ).toBe(10);
    const ours = after.series.filter((key) => key.startsWith("latchkey_"));
    expect(ours.filter((key) => !before.series.includes(key))).toEqual([]);
    expect(after.text).not.toMatch(/stranger-/);
  });

  it("SEC-113 say nothing of people, apps and secrets, and say that something happened", async () => {
    const { text } = await scrape(admin);
    const account = (await running.installation.accounts.findByLogin(CANARY.username))?.value;
    const passkey = account?.passkeys[0]?.id as string;
    const known = [
      ...Object.values(CANARY),
      account?.id as string,
      passkey,
      app.client.client_id,
      app.secret as string,
    ];
    for (const secret of [...known, ...tokens, SECRET, "127.0.0.1", "Example app"]) {
      expect(secret.length).toBeGreaterThan(5);
      expect(text).not.toContain(secret);
    }
    expect(text).toContain('latchkey_events_total{event="account.created"} 1');
  });

  it("are on no other port, and the health checks are not on the main one", async () => {
    for (const path of ["/metrics", "/livez", "/readyz"]) {
      expect((await fetch(`${running.issuer}${path}`)).status, path).toBe(404);
    }
  });

  describe("the admin port", () => {
    const ask = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${admin}${path}`, init);

    test.each(["/metrics", "/livez", "/readyz"])(
      "%s answers GET and HEAD, on any host, and nothing else",
      async (path) => {
        expect((await ask(path)).status).toBe(200);
        const head = await ask(path, { method: "HEAD" });
        expect([head.status, await head.text()]).toEqual([200, ""]);
        const options = { method: "GET", path, headers: { host: "probe.internal" } };
        expect(await rawRequest(admin, options)).toBe(200);
        for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
          const answer = await ask(path, { method });
          expect([answer.status, answer.headers.get("allow")], method).toEqual([405, "GET, HEAD"]);
        }
      },
    );

    test.each([
      "/",
      "/metrics/",
      "/metricsx",
      "/account",
      "/constructor",
      "/__proto__",
      "/token",
      "/metrics/..",
    ])("there is nothing else: %s", async (path) => {
      expect(await rawRequest(admin, { method: "GET", path })).toBe(404);
      expect(await rawRequest(admin, { method: "POST", path })).toBe(404);
    });

    test("a wrong request leaves no error in the log", () => {
      expect(running.log.filter((line) => line.includes("admin port failed"))).toEqual([]);
    });
  });
});

test("without an admin port there are no metrics, and health is on the main one", async () => {
  const running = await startInstallation(embedded);
  expect((await fetch(`${running.issuer}/metrics`)).status).toBe(404);
  expect((await fetch(`${running.issuer}/livez`)).status).toBe(200);
  await running.stop();
});

function rawRequest(
  port: number,
  options: { method: string; path: string; headers?: Record<string, string> },
) {
  return new Promise<number | undefined>((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, ...options }, (answer) => {
      answer.resume().on("end", () => resolve(answer.statusCode));
    });
    sent.on("error", reject).end();
  });
}
