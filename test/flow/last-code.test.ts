/** The last recovery code: the way back leads over a new set. */
import { describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import type { Account } from "../../src/account/account.ts";
import { newCode } from "../../src/account/typed-code.ts";
import { type Answer, type Browser, ceremonyOf } from "../support/browser.ts";
import { newcomer } from "../support/newcomer.ts";
import { scene } from "../support/scene.ts";
import { stores } from "../support/stores.ts";

describe.each(stores)("the last recovery code over $name", (kind) => {
  const here = scene(kind, { limits: { guesses: { perAddress: "100000/1h" } } });
  let people = 0;

  const read = async (id: string) => (await here.running.installation.accounts.find(id))?.value as Account;

  async function person(left: number) {
    const made = await newcomer(here.running, `last${++people}`);
    const codes = Array.from({ length: left }, newCode);
    await here.running.installation.accounts.setRecoveryCodes(made.id, codes);
    return { ...made, codes };
  }
  /** To the page that follows the proof of the new passkey. */
  async function recover(browser: Browser, path: string, typed: { username: string; code: string }) {
    const answer = await browser.post(path, typed);
    const enrol = await browser.open(String(answer.json().location));
    const lost = /name="lost" value="([^"]+)"/.exec(enrol.text)?.[1] ?? "";
    return browser.complete(await browser.complete(enrol, { lost }));
  }
  const shown = (page: Answer) => [...page.text.matchAll(/<code>([^<]+)<\/code>/g)].map(([, code]) => code);
  const hrefOf = (page: Answer, before = "") =>
    (new RegExp(`${before}="(/[^"]+)"`).exec(page.text)?.[1] ?? "").replaceAll("&amp;", "&");
  async function next(browser: Browser, page: Answer): Promise<Answer> {
    const answer = await browser.post(hrefOf(page, "data-decision"), {});
    expect(answer.status, answer.text).toBe(200);
    return browser.open(String(answer.json().location));
  }

  it("leads over ten new codes, made with a proof of their own, to the here.app; each code works", async () => {
    const jane = await person(1);
    const browser = here.running.browser();
    const request = await here.app.request();
    const signIn = await browser.open(request.url);
    const ladder = hrefOf(
      await browser.open(/href="([^"]+\/recover)"/.exec(signIn.text)?.[1] ?? ""),
      "data-decision",
    );
    const ask = await recover(browser, ladder, { username: jane.username, code: jane.codes[0] ?? "" });
    expect(ask.text).toContain("That was your last recovery code.");
    expect((await read(jane.id)).recoveryCodes?.left).toEqual([]);
    // Nobody is signed in yet, and nothing but this page goes on.
    expect(new URL((await browser.open("/account")).url).pathname).toBe("/sign-in");
    const early = await browser.post(`${new URL(ask.url).pathname.replace(/codes$/, "continue")}`, {});
    expect([early.status, early.json().code]).toEqual([400, "ceremony_expired"]);

    const page = await browser.complete(ask);
    const codes = shown(page);
    expect(new Set(codes).size).toBe(10);
    const file = await browser.open(hrefOf(page, 'class="button" href'));
    expect(file.headers.get("content-disposition")).toContain("recovery-codes.txt");
    for (const code of codes) expect(file.text).toContain(code);
    expect((await read(jane.id)).recoveryCodes?.left).toHaveLength(10);

    const { idToken } = await here.app.tokens(request, await next(browser, page));
    expect(idToken).toMatchObject({ sub: jane.id, acr: "phr" });
    const again = await here.running
      .browser()
      .post("/sign-in/recover", { username: jane.username, code: codes[3] });
    expect(again.status).toBe(200);
  });

  it("leads to the owner's page without an here.app; a reload shows the codes again, another browser nothing", async () => {
    const jane = await person(1);
    const browser = here.running.browser();
    const code = jane.codes[0] ?? "";
    const page = await browser.complete(
      await recover(browser, "/sign-in/recover", { username: jane.username, code }),
    );
    expect(shown(await browser.open(page.url))).toEqual(shown(page));
    const thief = here.running.browser();
    expect((await thief.open(page.url)).status).toBe(400);
    expect((await next(browser, page)).text).toContain("<h1>Your account</h1>");
    expect((await browser.open(page.url)).status).toBe(400);
    // Whoever sends the button's post again is let in no second time.
    expect((await thief.post(hrefOf(page, "data-decision"), {})).status).toBe(400);
  });

  it("SEC-6 the proof of the recovery makes no codes, and that of the codes is good once", async () => {
    const jane = await person(1);
    const browser = here.running.browser();
    const code = jane.codes[0] ?? "";
    const ask = await recover(browser, "/sign-in/recover", { username: jane.username, code });
    const { action } = ceremonyOf(ask);
    const elsewhere = browser.respond(await browser.open("/sign-in"));
    expect((await browser.post(action, { response: elsewhere })).status).toBe(401);
    const fresh = await browser.open(ask.url);
    const twice = { response: browser.respond(fresh) };
    const answers = await Promise.all([browser.post(action, twice), browser.post(action, twice)]);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect((await read(jane.id)).recoveryCodes?.left).toHaveLength(10);
  });

  it("SEC-133 an objection meanwhile ends it: no codes, no session", async () => {
    const jane = await person(1);
    const browser = here.running.browser();
    const code = jane.codes[0] ?? "";
    const ask = await recover(browser, "/sign-in/recover", { username: jane.username, code });
    const holder = here.running.browser(jane.browser.authenticator);
    const question = await holder.complete(await holder.open("/sign-in"));
    await holder.post(hrefOf(question, "data-decision"), { decision: "cancel" });
    expect((await browser.perform(ask)).status).toBe(401);
    expect((await browser.open(ask.url)).status).toBe(400);
    expect(await read(jane.id)).not.toHaveProperty("recoveryCodes");
  });

  it("is not asked about while codes are left, nor where they open nothing", async () => {
    const jane = await person(2);
    const done = await recover(here.running.browser(), "/sign-in/recover", {
      username: jane.username,
      code: jane.codes[0] ?? "",
    });
    expect(done.text).toContain("<h1>Your account</h1>");
    const kim = await person(0);
    const { pass } = await here.running.installation.accounts.issuePass(kim.id, { ttl: 60_000, by: "cli" });
    const home = await recover(here.running.browser(), "/sign-in/recover", {
      username: kim.username,
      code: pass,
    });
    expect(home.text).toContain("<h1>Your account</h1>");
  });
});
