/** Connecting a device that has no browser of its own (RFC 8628). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { type Answer, type Browser, ceremonyOf } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { stores } from "../support/stores.ts";

const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";
interface Authorization {
  device_code: string;
  user_code: string;
  verification_uri: string;
}

describe.each(stores)("a device over $name", (kind) => {
  let running: Running;
  let jane: Browser;
  let tv: RelyingParty;

  beforeAll(async () => {
    running = await startInstallation(kind, {
      limits: { guesses: { perAddress: "1000/1h", perAccount: "1000/1h" } },
    });
    jane = running.browser();
    await (await running.app()).signUp(jane, { email: "jane@example.com" });
    tv = await running.app({
      kind: "native",
      name: "Television",
      redirectUris: ["http://127.0.0.1/cb"],
      grants: ["authorization_code", "device_code"],
    });
  });
  afterAll(() => running.stop());

  async function start(app = tv): Promise<Authorization> {
    const answer = await app.post("/device/auth", { scope: "openid email" });
    expect(answer.status).toBe(200);
    return (await answer.json()) as Authorization;
  }

  async function poll(device_code: string, app = tv): Promise<[number, Record<string, string>]> {
    const answer = await app.post("/token", { grant_type: DEVICE_CODE, device_code });
    return [answer.status, (await answer.json()) as Record<string, string>];
  }

  /** Submits the form of a page as it stands, with what a person types or presses. */
  function send(browser: Browser, page: Answer, typed: Record<string, string>): Promise<Answer> {
    const form = /<form id="op\.device[^>]*action="([^"]+)"[\s\S]*?<\/form>/.exec(page.text);
    const hidden = [...(form?.[0] ?? "").matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
    return browser.submit(form?.[1] ?? "", {
      ...Object.fromEntries(hidden.map(([, name, value]) => [name, value])),
      ...typed,
    });
  }

  it("is connected with the code it shows, with the words of the pages", async () => {
    const { device_code, user_code, verification_uri } = await start();
    expect(user_code).toMatch(/^[B-Z]{4}-[B-Z]{4}$/);
    expect((await poll(device_code))[1].error).toBe("authorization_pending");
    const page = await jane.open(verification_uri);
    for (const word of ["<h1>Connect a device</h1>", ">Code</label>", ">Continue<"])
      expect(page.text).toContain(word);
    const confirm = await send(jane, page, { user_code: user_code.toLowerCase().replace("-", " ") });
    expect(confirm.text).toContain("Television");
    expect(confirm.text).toContain(user_code);
    const done = await send(jane, confirm, {});
    expect(done.text).toContain("<h1>Device connected</h1>");
    const [status, tokens] = await poll(device_code);
    expect(status).toBe(200);
    expect(await (await tv.userinfo(tokens.access_token as string)).json()).toMatchObject({
      email: "jane@example.com",
    });
    expect((await poll(device_code))[1].error).toBe("invalid_grant");
  });

  it("asks who is there where nobody is signed in, and goes on from there", async () => {
    const { device_code, user_code, verification_uri } = await start();
    const browser = running.browser(jane.authenticator);
    const confirm = await send(browser, await browser.open(verification_uri), { user_code });
    const signIn = await send(browser, confirm, {});
    expect(ceremonyOf(signIn).kind).toBe("authentication");
    expect((await browser.complete(signIn)).text).toContain("Device connected");
    expect((await poll(device_code))[0]).toBe(200);
  });

  it("is told when the person cancels", async () => {
    const { device_code, user_code, verification_uri } = await start();
    const confirm = await send(jane, await jane.open(verification_uri), { user_code });
    const cancelled = await send(jane, confirm, { abort: "yes" });
    expect(cancelled.text).not.toContain("Device connected");
    expect((await poll(device_code))[1].error).toBe("access_denied");
  });

  it("a code that nobody was given is refused on the page, and the right one still works there", async () => {
    const { device_code, user_code, verification_uri } = await start();
    const again = await send(jane, await jane.open(verification_uri), { user_code: "BBBB-BBBB" });
    expect(again.text).toContain("<h1>Connect a device</h1>");
    expect(again.text).toMatch(/role="alert"/);
    expect((await send(jane, await send(jane, again, { user_code }), {})).text).toContain("Device connected");
    expect((await poll(device_code))[0]).toBe(200);
  });

  it("SEC-72 a form that another site sends confirms nothing", async () => {
    const { device_code, user_code, verification_uri } = await start();
    const confirm = await send(jane, await jane.open(verification_uri), { user_code });
    await jane.open("/device", {
      method: "POST",
      body: new URLSearchParams({ user_code, confirm: "yes", xsrf: "guessed" }),
      headers: { origin: "https://evil.example" },
    });
    expect((await poll(device_code))[1].error).toBe("authorization_pending");
    expect(confirm.text).toContain(user_code);
  });

  it("fifty parallel polls of a connected device give one set of tokens", async () => {
    const { device_code, user_code, verification_uri } = await start();
    await send(jane, await send(jane, await jane.open(verification_uri), { user_code }), {});
    const answers = await Promise.all(Array.from({ length: 50 }, () => poll(device_code)));
    expect(answers.filter(([status]) => status === 200)).toHaveLength(1);
  });
});

describe.each(stores)("guessing the code of a device over $name", (kind) => {
  let running: Running;

  beforeAll(async () => {
    running = await startInstallation(kind, {
      limits: { guesses: { perAddress: "6/1h", perAccount: "3/15m" } },
    });
  });
  afterAll(() => running.stop());

  async function guess(browser: Browser, user_code: string): Promise<number> {
    const page = await browser.open("/device");
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.text)?.[1] ?? "";
    const answer = await browser.request("/device", {
      method: "POST",
      body: new URLSearchParams({ xsrf, user_code }),
      headers: { origin: running.issuer },
    });
    if (answer.status === 429) expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(60);
    return answer.status;
  }

  it("is limited for the account that is signed in, and for the address it comes from", async () => {
    const app = await running.app();
    const jane = running.browser();
    await app.signUp(jane, { email: "jane@example.com" });
    const codes = ["BBBB-BBBB", "CCCC-CCCC", "DDDD-DDDD", "FFFF-FFFF"];
    const answers = [];
    for (const code of codes) answers.push(await guess(jane, code));
    expect(answers).toEqual([200, 200, 200, 429]);

    const stranger = running.browser();
    expect(await guess(stranger, "GGGG-GGGG")).toBe(200);
    const burst = await Promise.all(
      ["HHHH-HHHH", "JJJJ-JJJJ", "KKKK-KKKK"].map((code) => guess(running.browser(), code)),
    );
    expect(burst.filter((status) => status === 200)).toHaveLength(1);
    expect(burst.filter((status) => status === 429)).toHaveLength(2);
  });
});
