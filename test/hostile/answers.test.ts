/** What every answer carries, and what no answer tells. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { type Answer, type Browser, ceremonyOf } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { type StoreKind, stores } from "../support/stores.ts";

const kind = stores[0] as StoreKind;

describe("every answer", () => {
  let running: Running;
  let app: RelyingParty;
  let jane: Browser;

  beforeAll(async () => {
    running = await startInstallation(kind);
    app = await running.app({ firstParty: false });
    jane = running.browser();
    const first = await running.app();
    await first.signUp(jane, { email: "jane@example.com" });
  });
  afterAll(() => running.stop());

  /** A page of every kind, errors of both sides included. */
  async function pages(): Promise<Answer[]> {
    const stranger = running.browser();
    const signIn = await stranger.open((await app.request()).url);
    return [
      signIn,
      await stranger.open(`${new URL(signIn.url).pathname}/register`),
      await stranger.open("/sign-in"),
      await stranger.open("/about/passkeys"),
      await stranger.open("/device"),
      await stranger.open("/demo"),
      await stranger.open((await running.setup.issue()).url),
      await stranger.open("/nowhere"),
      await stranger.open("/interaction/unknown"),
      await stranger.open("/auth"),
      await stranger.open("/auth/unknown"),
      await stranger.open("/setup/unknown"),
      await jane.open("/account"),
      await jane.open("/account/passkeys/add"),
      await jane.open((await app.request()).url),
      await jane.open("/session/end"),
    ];
  }

  it("SEC-14 SEC-81 is kept out of frames, SEC-82 out of caches, and runs no script but ours", async () => {
    for (const page of await pages()) {
      expect(page.headers.get("content-type"), page.url).toMatch(/^text\/html/);
      const policy = page.headers.get("content-security-policy") ?? "";
      for (const directive of [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "script-src 'self'",
      ]) {
        expect(policy, page.url).toContain(directive);
      }
      expect(policy).not.toMatch(/unsafe-|\*/);
      expect(Object.fromEntries(page.headers)).toMatchObject({
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": expect.stringContaining("no-store"),
        "permissions-policy": expect.stringContaining("publickey-credentials-get=(self)"),
        "x-request-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
      });
      expect(page.text).not.toMatch(
        /\son\w+="|<script(?![^>]*\bsrc="\/assets\/)[^>]*>|\sstyle="|javascript:/i,
      );
      expect(page.text).not.toMatch(/(src|href)="(https?:)?\/\/(?!localhost)/);
    }
  });

  it("an error page names code and request, and hands no detail of ours out", async () => {
    for (const path of [
      "/nowhere",
      "/interaction/unknown",
      "/auth?client_id=unknown&response_type=code",
      "/setup/unknown",
    ]) {
      const page = await running.browser().open(path);
      expect(page.text).toMatch(/<code>[a-z_]+<\/code>/);
      expect(page.text).toContain(page.headers.get("x-request-id"));
      expect(page.text).not.toMatch(/node_modules|\.ts:|at \w+ \(|Error:/);
    }
  });

  it("SEC-109 what people typed is text on every page", async () => {
    const evil = `"><img src=x onerror=alert(1)><svg/onload=alert(2)>{{7*7}}<%=7*7%>`;
    const mallory = running.browser();
    const third = await running.app({ firstParty: false, name: evil.slice(0, 128) });
    const request = await third.request({ prompt: "create", login_hint: evil });
    const consent = await mallory.complete(await mallory.open(request.url), {
      name: evil,
      email: "mallory@example.com",
    });
    const signIn = await running
      .browser()
      .open((await third.request({ login_hint: evil, ui_locales: evil, state: evil })).url);
    for (const page of [
      consent,
      signIn,
      await mallory.open("/account"),
      await mallory.open(`/account?notice=${encodeURIComponent(evil)}`),
    ]) {
      expect(page.status).toBe(200);
      expect(page.text).not.toMatch(/<img src=x|<svg\/onload|>49</);
    }
    expect(consent.text).toContain("&lt;img src=x");
  });

  it("SEC-61 SEC-62 the sign-in page offers no passkeys of anybody, whoever is named", async () => {
    for (const login_hint of ["jane@example.com", "jane", "nobody@example.com"]) {
      const page = await running.browser().open((await app.request({ login_hint })).url);
      expect(ceremonyOf(page).options).not.toHaveProperty("allowCredentials");
    }
  });

  it("SEC-61 SEC-23 SEC-24 SEC-141 a passkey of nobody, of a disabled account and of another one are answered alike, but for the signal", async () => {
    const disabled = running.browser();
    const removed = running.browser();
    const first = await running.app();
    const { idToken } = await first.signUp(disabled, { email: "disabled@example.com" });
    await running.installation.accounts.disable(idToken.sub);
    await first.signUp(removed, { email: "removed@example.com" });
    const [lost] = removed.authenticator.credentials;
    const stranger = { id: randomBytes(32).toString("base64url") };

    const answerTo = async (browser: Browser, overrides: object = {}) => {
      const fresh = running.browser(browser.authenticator);
      const page = await fresh.open((await first.request()).url);
      return fresh.perform(page, {}, overrides);
    };
    const answers = {
      disabled: await answerTo(disabled),
      spoiled: await answerTo(jane, { signature: "spoiled" }),
      foreignHandle: await answerTo(jane, { userHandle: lost?.userHandle }),
      unknown: await answerTo(jane, { id: stranger.id, rawId: stranger.id }),
      unknownHandle: await answerTo(jane, { userHandle: randomBytes(32).toString("base64url") }),
    };
    const shape = ({ status, text, headers }: Answer) => {
      const { instance: _, ...problem } = JSON.parse(text) as Record<string, unknown>;
      const names = [...headers].filter(
        ([name]) => !["date", "x-request-id", "content-length"].includes(name),
      );
      return { status, problem, headers: names.filter(([name]) => name !== "set-cookie") };
    };
    const { signal, ...unknown } = shape(answers.unknown).problem as { signal?: string };
    expect(signal).toBe("unknown");
    for (const [name, answer] of Object.entries(answers)) {
      if (name === "unknown") continue;
      expect({ name, ...shape(answer) }).toEqual({ name, ...shape(answers.unknown), problem: unknown });
      expect(answer.headers.getSetCookie()).toEqual([]);
    }
    const malformed = await running.browser().post("/sign-in", { response: {} });
    expect(malformed.json()).not.toHaveProperty("signal");
    expect(malformed.json().code).toBe("authentication_failed");
    expect((await answerTo(jane)).status).toBe(200);
  });

  it("SEC-141 no signal without a genuine challenge", async () => {
    const browser = running.browser(jane.authenticator);
    const page = await browser.open("/sign-in");
    const id = randomBytes(32).toString("base64url");
    const body = {
      response: browser.respond(page, { id, rawId: id, challenge: randomBytes(48).toString("base64url") }),
    };
    const answer = await browser.post("/sign-in", body);
    expect([answer.json().code, answer.json().signal]).toEqual(["authentication_failed", undefined]);
  });

  it("SEC-25 a credential id that somebody else registered is refused, and the first owner keeps it", async () => {
    const first = await running.app();
    const id = Buffer.from(jane.authenticator.credentials[0]?.id ?? "", "base64url");
    const thief = running.browser();
    const page = await thief.open((await first.request({ prompt: "create" })).url);
    const stolen = await thief.perform(page, { email: "thief@example.com" }, { credentialId: id });
    expect([stolen.status, stolen.json().code]).toEqual([409, "credential_registered"]);
    expect(await running.installation.accounts.findByLogin("thief")).toBeUndefined();
    expect((await first.signIn(running.browser(jane.authenticator))).idToken.acr).toBe("phr");
  });

  it("SEC-25 SEC-26 of parallel registrations of one id one succeeds; ids of 1 to 1023 bytes are taken", async () => {
    const first = await running.app();
    const register = async (bytes: Uint8Array, email: string) => {
      const browser = running.browser();
      const page = await browser.open((await first.request({ prompt: "create" })).url);
      return browser.perform(page, { email }, { credentialId: bytes });
    };
    const id = randomBytes(16);
    const racers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => register(id, `racer${n}@example.com`)),
    );
    expect(racers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const [size, status] of [
      [0, 400],
      [1, 200],
      [1023, 200],
      [1024, 400],
    ] as const) {
      expect([size, (await register(randomBytes(size), `size${size}@example.com`)).status]).toEqual([
        size,
        status,
      ]);
    }
  });
});
