/** The way back in by e-mail, where the operator opened it, over real SMTP. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { type Account, ADMINISTRATORS, accountRecord } from "../../src/account/account.ts";
import type { Answer, Browser } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { newcomer } from "../support/newcomer.ts";
import { type MailServer, mailSettings, startMailServer } from "../support/smtp.ts";
import { stores } from "../support/stores.ts";

describe.each(stores)("a recovery by e-mail over $name", (kind) => {
  let running: Running;
  let post: MailServer;
  let people = 0;

  beforeAll(async () => {
    post = await startMailServer();
    running = await startInstallation(kind, {
      mail: mailSettings(post),
      recovery: { email: true },
      limits: { guesses: { perAddress: "100000/1h" } },
      groups: { careful: { recovery: { email: false } } },
    });
  });
  afterAll(async () => {
    await running.stop();
    await post.shut();
  });

  const read = async (id: string) => (await running.installation.accounts.find(id))?.value as Account;

  /** Somebody with a passkey and a verified address. */
  async function person(change: Partial<Account> = {}) {
    const username = `mailed${++people}`;
    const email = `${username}@example.com`;
    const { id, browser } = await newcomer(running, username, email);
    const verified = { ...(await read(id)), emailVerified: true, ...change };
    await running.store.store.write(accountRecord.key(id), accountRecord.encode(verified));
    return { id, email, username, browser };
  }

  async function ask(browser: Browser, username: string): Promise<Answer> {
    expect((await browser.open("/sign-in/recover")).text).toContain('action="/sign-in/send?to=%2Faccount"');
    return browser.post("/sign-in/send", { username });
  }
  const type = (browser: Browser, code: string) => browser.post("/sign-in/mail", { code });
  const codeIn = (text = "") => /^(\d{8})$/m.exec(text)?.[1] ?? "";

  it("SEC-39 leads to a new passkey of which the owner is told, by the code or by the link, in the browser that asked and in no other", async () => {
    const jane = await person();
    const elsewhere = running.browser();
    const sent = await ask(elsewhere, jane.username);
    expect(sent.json()).toEqual({ location: "/sign-in/mail?to=%2Faccount" });
    const { text, subject } = await post.newest(jane.email);
    const code = codeIn(text);
    expect(subject).toBe("Your way back into your account");
    expect(text).toContain(`${running.issuer}/sign-in/mail?to=%2Faccount#${code}`);

    const thief = running.browser();
    expect((await thief.open("/sign-in/mail")).status).toBe(400);
    expect((await type(thief, code)).json().code).toBe("ceremony_expired");

    expect((await elsewhere.open("/sign-in/mail")).text).toContain("<h1>Check your mail</h1>");
    const answer = await type(elsewhere, ` ${code.slice(0, 4)} ${code.slice(4)}`);
    expect(answer.status, answer.text).toBe(200);
    // It has brought somebody on, and brings nobody on again.
    expect((await type(elsewhere, code)).json().code).toBe("ceremony_expired");
    const enrol = await elsewhere.open(String(answer.json().location));
    const home = await elsewhere.complete(await elsewhere.complete(enrol));
    expect(home.text).toContain("<h1>Your account</h1>");
    expect((await read(jane.id)).repair).toMatchObject({ by: "email" });
    await expect.poll(() => post.inbox.filter(({ to }) => to.includes(jane.email)).length).toBe(2);
    expect((await post.newest(jane.email, 2)).text).toContain("/account/recovery/undo");
  });

  it("SEC-51 SEC-52 SEC-66 answers alike whoever is named, mails only whom it may, and judges five guesses", async () => {
    const allowed = await person();
    const refused = await Promise.all([
      person({ groups: ["careful"] }),
      person({ groups: [ADMINISTRATORS] }),
      person({ emailVerified: false }),
      person({ state: "disabled" }),
    ]);
    const names = [allowed, ...refused].map(({ username }) => username);
    const answers = [];
    for (const username of [...names, "nobody-at-all"]) {
      const browser = running.browser();
      const { status, text, headers } = await ask(browser, username);
      const shown = (await browser.open("/sign-in/mail")).text.replaceAll(/[\w-]{36}/g, "");
      const wrong = [];
      for (let guess = 0; guess < 6; guess++) wrong.push((await type(browser, "00000000")).status);
      const named = [...headers.keys()].filter((name) => name !== "date").sort();
      answers.push({ status, text, named, shown, wrong });
    }
    expect(answers[0]?.wrong).toEqual([401, 401, 401, 401, 401, 429]);
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    await post.newest(allowed.email);
    // Mails go out in their order: this one comes after all that must not come.
    const last = await person();
    await ask(running.browser(), last.username);
    await post.newest(last.email);
    for (const { email } of refused) expect(post.inbox.some(({ to }) => to.includes(email))).toBe(false);
  });

  it("SEC-49 SEC-61 holds an account to its five guesses under all of its names, and tells nobody that they are one account's", async () => {
    const jane = await person({ emailVerified: false });
    const { accounts } = running.installation;
    const { code: proof } = await accounts.proposeEmail(jane.id, jane.email);
    await accounts.proveEmail(jane.id, { code: proof });
    const guesses = async (name: string, count: number) => {
      const browser = running.browser();
      await ask(browser, name);
      const seen = [];
      for (let guess = 0; guess < count; guess++) seen.push((await type(browser, "00000000")).status);
      return { browser, seen };
    };
    expect((await guesses(jane.username, 6)).seen).toEqual([401, 401, 401, 401, 401, 429]);
    const { browser, seen } = await guesses(jane.email, 1);
    expect(seen).toEqual((await guesses("nobody@example.com", 1)).seen);
    await post.newest(jane.email, 2);
    const codes = post.inbox.filter(({ to }) => to.includes(jane.email)).map(({ mail }) => codeIn(mail.text));
    expect(codes).toEqual([expect.stringMatching(/^\d{8}$/), expect.stringMatching(/^\d{8}$/)]);
    for (const code of codes) expect((await type(browser, code)).status).toBe(401);
  });

  it("SEC-66 sends at most three mails an hour to one account, whoever asks", async () => {
    const jane = await person();
    for (let time = 0; time < 5; time++)
      expect((await ask(running.browser(), jane.username)).status).toBe(200);
    const other = await person();
    await ask(running.browser(), other.username);
    await post.newest(other.email);
    await post.newest(jane.email, 3);
    expect(post.inbox.filter(({ to }) => to.includes(jane.email))).toHaveLength(3);
  });
});
