/** The way back in: recovery codes and temporary passes, and what they do not open. */
import { describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { type Account, ADMINISTRATORS } from "../../src/account/account.ts";
import { accounts } from "../../src/account/accounts.ts";
import { SoftwareAuthenticator } from "../../src/testing.ts";
import { type Answer, Browser, ceremonyOf } from "../support/browser.ts";
import { address } from "../support/conversion.ts";
import { type Newcomer, newcomer } from "../support/newcomer.ts";
import { scene } from "../support/scene.ts";
import { everythingStored } from "../support/stored.ts";
import { stores } from "../support/stores.ts";

const DAY = 24 * 60 * 60 * 1000;
const WRONG = "00000-00000-00000-00000-00000-0";

describe.each(stores)("a recovery over $name", (kind) => {
  const here = scene(kind, {
    limits: {
      guesses: { perAddress: "100000/1h" },
      ceremonies: "100000/1m",
      signUps: "100000/1m",
    },
    groups: { careful: { recovery: { codes: false } } },
  });
  let people = 0;

  const read = async (id: string) => (await here.running.installation.accounts.find(id))?.value as Account;

  async function person(groups: string[] = []): Promise<Newcomer> {
    const made = await newcomer(here.running, `person${++people}`);
    for (const group of groups) await joinGroup(made.id, group);
    return made;
  }

  /** Somebody who is found by an address, too. */
  async function verified() {
    const made = await person();
    const email = `${made.username}@example.com`;
    const { accounts: all } = here.running.installation;
    const { code } = await all.proposeEmail(made.id, email);
    await all.proveEmail(made.id, { code });
    return { ...made, email };
  }

  async function joinGroup(id: string, group: string): Promise<void> {
    const key = `account:${id}` as const;
    const found = await here.running.store.store.read<Account>(key);
    await here.running.store.store.write(key, { ...found?.value, groups: [group] });
  }

  async function makeCodes({ browser }: Newcomer): Promise<string[]> {
    const confirm = await browser.submit("/account/recovery-codes");
    const shown = await browser.complete(confirm);
    return [...shown.text.matchAll(/<code>([^<]+)<\/code>/g)].map(([, code]) => code ?? "");
  }

  async function give(browser: Browser, username: string, code: string, page?: Answer): Promise<Answer> {
    const ladder = page ?? (await browser.open("/sign-in/recover"));
    return browser.post(address(ladder, "data-decision"), { username, code });
  }

  /** From the here.app's request to the page that makes a passkey. */
  async function begin(browser: Browser, username: string, code: string) {
    const request = await here.app.request();
    const signIn = await browser.open(request.url);
    const ladder = await browser.open(/href="([^"]+\/recover)"/.exec(signIn.text)?.[1] ?? "");
    const answer = await give(browser, username, code, ladder);
    expect(answer.status, answer.text).toBe(200);
    return { request, enrol: await browser.open(String(answer.json().location)) };
  }

  it("gives ten codes after a fresh proof, shows them to nobody else, and stores none", async () => {
    const jane = await person();
    const codes = await makeCodes(jane);
    expect(new Set(codes).size).toBe(10);
    const stored = await everythingStored(here.running.store);
    for (const code of codes) {
      expect(stored.includes(code)).toBe(false);
      expect(stored.includes(code.replaceAll("-", ""))).toBe(false);
    }
    expect((await read(jane.id)).recoveryCodes?.left).toHaveLength(10);
    expect((await jane.browser.open("/account")).text).toContain("10 of them are left");
    expect((await jane.browser.open("/account/recovery-codes/show?permit=x")).status).toBe(400);
  });

  it("SEC-39 makes a passkey, proves it, says of it how it came, and gives the here.app what a passkey gives", async () => {
    const jane = await person();
    const [code = ""] = await makeCodes(jane);
    const elsewhere = here.running.browser();
    const { request, enrol } = await begin(
      elsewhere,
      jane.username,
      ` ${code.toLowerCase().replaceAll("-", " ")}`,
    );
    expect(enrol.text).toContain("<h1>Create a passkey</h1>");
    expect(enrol.text).not.toContain("Not now");
    const prove = await elsewhere.complete(enrol);
    const { idToken } = await here.app.tokens(request, await elsewhere.complete(prove));
    expect(idToken).toMatchObject({ sub: jane.id, acr: "phr" });
    const after = await read(jane.id);
    expect(after.passkeys).toMatchObject([{ state: "active" }, { state: "active", addedBy: "recovery" }]);
    expect(after.recoveryCodes?.left).toHaveLength(9);
  });

  it("opens nothing but the repair before the new passkey is proved", async () => {
    const jane = await person();
    const [code = ""] = await makeCodes(jane);
    const elsewhere = here.running.browser();
    const answer = await give(elsewhere, jane.username, code);
    expect(answer.status).toBe(200);
    expect(new URL((await elsewhere.open("/account")).url).pathname).toBe("/sign-in");
    for (const path of ["/account/recovery-codes", "/account/passkeys/add", "/account/password/remove"]) {
      expect((await elsewhere.post(path, {})).status).toBeGreaterThanOrEqual(400);
    }
    const [, page] = await (async () => {
      const request = await here.app.request({ prompt: "none" });
      return [request, await elsewhere.open(request.url)] as const;
    })();
    expect(page.url).toContain("error=login_required");
  });

  it("SEC-50 takes a code once, of its own account, of the newest set", async () => {
    const [jane, kim] = [await person(), await person()];
    const old = await makeCodes(jane);
    const [code = ""] = await makeCodes(jane);
    const [foreign = ""] = await makeCodes(kim);
    for (const refused of [foreign, old[1] ?? "", WRONG]) {
      const answer = await give(here.running.browser(), jane.username, refused);
      expect([answer.status, answer.json().code]).toEqual([401, "authentication_failed"]);
    }
    expect((await give(here.running.browser(), jane.username, code)).status).toBe(200);
    expect((await give(here.running.browser(), jane.username, code)).status).toBe(401);
  });

  it("SEC-50 SEC-53 of many who use one code or one pass at the same moment one gets in", async () => {
    for (const issue of ["code", "pass"] as const) {
      const jane = await person();
      const secret =
        issue === "code"
          ? ((await makeCodes(jane))[0] ?? "")
          : (await here.running.installation.accounts.issuePass(jane.id, { ttl: 60_000, by: "cli" })).pass;
      const twin = accounts({
        store: await here.running.store.reopen(),
        clock: here.running.installation.clock,
      });
      const use = issue === "code" ? "useRecoveryCode" : "usePass";
      const tries = Array.from({ length: 50 }, (_, at) =>
        (at % 2 ? twin : here.running.installation.accounts)[use](jane.id, secret),
      );
      const won = (await Promise.allSettled(tries)).filter(({ status }) => status === "fulfilled");
      expect(won).toHaveLength(1);
    }
  });

  it("SEC-49 SEC-56 judges five guesses for an account, whoever asks in parallel, and leaves passkeys alone", async () => {
    const jane = await person();
    const codes = await makeCodes(jane);
    const browser = here.running.browser();
    const ladder = await browser.open("/sign-in/recover");
    const answers = await Promise.all(
      Array.from({ length: 1000 }, () => give(browser, jane.username, WRONG, ladder)),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(5);
    expect(statuses.filter((status) => status === 429)).toHaveLength(995);
    expect(Number(answers.find(({ status }) => status === 429)?.headers.get("retry-after"))).toBeGreaterThan(
      0,
    );
    expect((await give(browser, jane.username, codes[0] ?? "", ladder)).status).toBe(429);
    const [request, signedIn] = await here.app.authorize(here.running.browser(jane.browser.authenticator));
    expect((await here.app.tokens(request, signedIn)).idToken.sub).toBe(jane.id);
  });

  it("SEC-52 SEC-61 answers alike for a wrong code, an unknown name, a disabled account and one without codes", async () => {
    const [known, disabled, without] = [await person(), await person(), await person()];
    await makeCodes(known);
    await makeCodes(disabled);
    await here.running.installation.accounts.disable(disabled.id);
    const answers = [];
    for (const name of [known.username, disabled.username, without.username, "nobody-at-all"]) {
      const { status, headers, text } = await give(here.running.browser(), name, WRONG);
      const { instance: _, ...problem } = JSON.parse(text);
      const names = [...headers.keys()].filter((header) => header !== "date").sort();
      answers.push({ status, problem, names, cookies: headers.getSetCookie().length });
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  it("SEC-49 SEC-61 holds an account to its five guesses under all of its names, and tells nobody that they are one account's", async () => {
    const [jane, kim] = [await verified(), await verified()];
    const status = async (name: string, code = WRONG) =>
      (await give(here.running.browser(), name, code)).status;
    for (let guess = 0; guess < 5; guess++) expect(await status(jane.username)).toBe(401);
    expect(await status(jane.username)).toBe(429);
    expect(await status(jane.email)).toBe(await status("nobody@example.com"));
    const [code = ""] = await makeCodes(jane);
    expect(await status(jane.email, code)).toBe(401);
    const [other = ""] = await makeCodes(kim);
    expect(await status(kim.email.toUpperCase(), other)).toBe(200);
  });

  it("SEC-53 SEC-59 a pass dies with its time, with the next one, with the first new passkey and with the account", async () => {
    const { accounts: all } = here.running.installation;
    const issue = async (id: string, ttl = 60_000) => (await all.issuePass(id, { ttl, by: "cli" })).pass;
    const status = async ({ username }: Newcomer, pass: string) =>
      (await give(here.running.browser(), username, pass)).status;
    const jane = await person();
    expect(await status(jane, await issue(jane.id, 0))).toBe(401);
    const replaced = await issue(jane.id);
    const live = await issue(jane.id);
    expect(await status(jane, replaced)).toBe(401);
    expect(await status(jane, live)).toBe(200);

    const kim = await person();
    const unused = await issue(kim.id);
    const added = await kim.browser.complete(await kim.browser.submit("/account/passkeys/add"));
    const other = new Browser(here.running.issuer, new SoftwareAuthenticator());
    other.cookies = kim.browser.cookies;
    await other.complete(added);
    expect(await status(kim, unused)).toBe(401);

    const lee = await person();
    const pass = await issue(lee.id);
    await all.disable(lee.id);
    expect(await status(lee, pass)).toBe(401);
    await expect(all.issuePass(lee.id, { ttl: 1, by: "cli" })).rejects.toMatchObject({
      code: "account_limited",
    });
  });

  it("SEC-133 who administers others is let in by a pass, never by a code", async () => {
    const boss = await person();
    const codes = await makeCodes(boss);
    await joinGroup(boss.id, ADMINISTRATORS);
    expect((await give(here.running.browser(), boss.username, codes[0] ?? "")).status).toBe(401);
    const { pass } = await here.running.installation.accounts.issuePass(boss.id, { ttl: 60_000, by: "cli" });
    expect((await give(here.running.browser(), boss.username, pass)).status).toBe(200);
  });

  it("closes the rungs that the operator closed for a group", async () => {
    const jane = await person();
    const codes = await makeCodes(jane);
    await joinGroup(jane.id, "careful");
    expect((await give(here.running.browser(), jane.username, codes[0] ?? "")).status).toBe(401);
    expect((await jane.browser.open("/account")).text).not.toContain("Recovery codes");
  });

  /** Recovers with a code and declares the first passkey lost. */
  async function repaired() {
    const jane = await person();
    const [code = ""] = await makeCodes(jane);
    const thief = here.running.browser();
    const { request, enrol } = await begin(thief, jane.username, code);
    const lost = /name="lost" value="([^"]+)"/.exec(enrol.text)?.[1] ?? "";
    const done = await thief.complete(await thief.complete(enrol, { lost }));
    await here.app.tokens(request, done);
    return { jane, thief, lost };
  }

  it("suspends what is declared lost, and ends every session that was open", async () => {
    const { jane, thief, lost } = await repaired();
    const account = await read(jane.id);
    expect(account.passkeys.find(({ id }) => id === lost)?.state).toBe("suspended");
    expect(account.repair).toMatchObject({ by: "code", lost: [lost] });
    expect(account.repair?.until).toBeGreaterThan(Date.now() + 6 * DAY);
    expect((await thief.open("/account")).text).toContain("<h1>Your account</h1>");
  });

  it("SEC-133 asks the holder of a suspended passkey, and undoes the recovery at his word", async () => {
    const { jane, thief, lost } = await repaired();
    const owner = here.running.browser(jane.browser.authenticator);
    const request = await here.app.request();
    const question = await owner.complete(await owner.open(request.url));
    expect(question.text).toContain("<h1>Was this you?</h1>");
    expect(new URL((await owner.open("/account")).url).pathname).toBe("/sign-in");

    const answer = await owner.post(address(question, "data-decision"), { decision: "cancel" });
    expect(answer.status, answer.text).toBe(200);
    const { idToken } = await here.app.tokens(request, await owner.open(String(answer.json().location)));
    expect(idToken.sub).toBe(jane.id);
    const account = await read(jane.id);
    expect(account.passkeys).toMatchObject([{ id: lost, state: "active" }]);
    expect(account).not.toHaveProperty("repair");
    expect(account).not.toHaveProperty("recoveryCodes");

    const again = await thief.open("/sign-in");
    const refused = await thief.perform(again);
    expect([refused.status, refused.json().signal]).toEqual([401, "unknown"]);
  });

  it("leaves everything as it is when it was the owner, and lets nobody in with the suspended passkey", async () => {
    const { jane, lost } = await repaired();
    const owner = here.running.browser(jane.browser.authenticator);
    const question = await owner.complete(await owner.open("/sign-in"));
    const answer = await owner.post(address(question, "data-decision"), { decision: "keep" });
    expect(answer.json().location).toContain("/sign-in");
    expect(new URL((await owner.open("/account")).url).pathname).toBe("/sign-in");
    expect((await read(jane.id)).passkeys.find(({ id }) => id === lost)?.state).toBe("suspended");
    // The question is asked once for each proof.
    expect((await owner.post(address(question, "data-decision"), { decision: "cancel" })).status).toBe(400);
  });

  it("revokes what was declared lost when the grace time is over, and not before", async () => {
    const { jane, lost } = await repaired();
    const at = (later: number) =>
      accounts({ store: here.running.store.store, clock: { now: () => Date.now() + later } });
    await at(6 * DAY).sweep();
    expect((await read(jane.id)).passkeys.some(({ id }) => id === lost)).toBe(true);
    await at(8 * DAY).sweep();
    const account = await read(jane.id);
    expect(account.passkeys.some(({ id }) => id === lost)).toBe(false);
    expect(account).not.toHaveProperty("repair");
    const refused = await jane.browser.perform(
      await here.running.browser(jane.browser.authenticator).open("/sign-in"),
    );
    expect(refused.status).toBe(401);
  });

  it("SEC-48 a suspended passkey confirms nothing on the owner's page", async () => {
    const { jane, thief } = await repaired();
    const confirm = await thief.submit("/account/recovery-codes");
    const { action, options } = ceremonyOf(confirm);
    const { allowCredentials: _, ...anybody } = options;
    const response = jane.browser.authenticator.get(anybody, here.running.issuer);
    expect((await thief.post(action, { response })).status).toBe(401);
    expect((await thief.complete(await thief.submit("/account/recovery-codes"))).text).toContain("<code>");
  });
});
