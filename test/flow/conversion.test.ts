/** An old password signs in one last time, and becomes a passkey. */
import { describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import type { Account } from "../../src/account/account.ts";
import { readVerifier } from "../../src/password/verifiers.ts";
import { type Answer, type Browser, ceremonyOf } from "../support/browser.ts";
import { address, begin, typePassword } from "../support/conversion.ts";
import { imported, OLD_PASSWORD } from "../support/imported.ts";
import { nextSecond } from "../support/next-second.ts";
import type { Request } from "../support/relying-party.ts";
import { scene } from "../support/scene.ts";
import { stores } from "../support/stores.ts";

describe.each(stores)("a conversion over $name", (kind) => {
  const here = scene(kind, {
    limits: { guesses: { perAddress: "1000/1h" } },
    groups: {
      strict: { passwords: { mode: "require" } },
      later: { passwords: { mode: "require-after", requireAfter: "2099-01-01" } },
      overdue: { passwords: { mode: "require-after", requireAfter: "2020-01-01" } },
      proven: { passwords: { confirm: "pass" } },
    },
  });

  const account = async (id: string) =>
    (await here.running.installation.accounts.find(id))?.value as Account & { id: string };

  async function decline(browser: Browser, enrol: Answer): Promise<Answer> {
    const answer = await browser.post(address(enrol, "data-decision"), {});
    return answer.status === 200 ? browser.open(String(answer.json().location)) : answer;
  }

  async function tokens(request: Request, answer: Answer) {
    return (await here.app.tokens(request, answer)).idToken;
  }

  it("ends in a token that only a passkey can give, and without a password", async () => {
    const before = await imported(here.running);
    const jane = here.running.browser();
    const { request, next: enrol } = await begin(here.app, jane, before.username);
    expect(enrol.text).toContain("<h1>Create a passkey</h1>");

    const prove = await jane.complete(enrol);
    expect(prove.text).toContain("<h1>Use your new passkey</h1>");
    const between = await account(before.id);
    expect(between.password?.state).toBe("open");
    expect(between.passkeys).toMatchObject([{ state: "active", addedBy: "conversion" }]);

    const idToken = await tokens(request, await jane.complete(prove));
    expect(idToken).toMatchObject({ sub: before.id, acr: "phr", nonce: request.nonce });
    const after = await account(before.id);
    expect(after.password?.state).toBe("closed");
    expect(await readVerifier(here.running.store.store, before.id)).toBeUndefined();

    const again = await typePassword(
      here.running.browser(),
      await here.running.browser().open("/sign-in"),
      before.username,
    );
    expect([again.status, again.json().code]).toEqual([401, "authentication_failed"]);
    const [byPasskey, signedIn] = await here.app.authorize(here.running.browser(jane.authenticator));
    expect((await tokens(byPasskey, signedIn)).sub).toBe(before.id);
  });

  it("works on our own pages, and leads where the person was going", async () => {
    const before = await imported(here.running);
    const jane = here.running.browser();
    const page = await jane.open("/account");
    const answer = await typePassword(jane, page, before.username);
    const prove = await jane.complete(await jane.open(String(answer.json().location)));
    const home = await jane.complete(prove);
    expect(new URL(home.url).pathname).toBe("/account");
    expect(home.text).toContain("Removed on");
  });

  it("may be put off where the operator leaves the choice: the token says that it was a password", async () => {
    const before = await imported(here.running);
    const jane = here.running.browser();
    const { request, next } = await begin(here.app, jane, before.username);
    const asked = await nextSecond();
    const idToken = await tokens(request, await decline(jane, next));
    // The moment of the proof, however long the offer was looked at.
    expect(idToken.auth_time).toBeLessThan(asked);
    expect(idToken).toMatchObject({
      sub: before.id,
      acr: "urn:latchkey:acr:password",
      amr: ["pwd"],
    });
    const after = await account(before.id);
    expect(after.password).toMatchObject({ state: "open", declined: 1 });
    expect(after.passkeys).toEqual([]);
  });

  it("SEC-55 is not put off before an here.app that demands a passkey, and a password session is not enough for it", async () => {
    const before = await imported(here.running);
    const jane = here.running.browser();
    const easy = await begin(here.app, jane, before.username);
    await tokens(easy.request, await decline(jane, easy.next));

    const demanding = { acr_values: "phr" };
    const step = await here.app.request(demanding);
    const page = await jane.open(step.url);
    expect(page.text).toContain("<h1>Sign in</h1>");
    const answer = await typePassword(jane, page, before.username);
    const enrol = await jane.open(String(answer.json().location));
    expect(enrol.text).not.toContain("Not now");
    const refused = await jane.post(new URL(enrol.url).pathname.replace("enrol", "not-now"), {});
    expect([refused.status, refused.json().code]).toEqual([403, "account_limited"]);
    const idToken = await tokens(step, await jane.complete(await jane.complete(enrol)));
    expect(idToken.acr).toBe("phr");
  });

  it.each([
    ["strict", false],
    ["overdue", false],
    ["later", true],
  ])("in the group %s may be put off: %s", async (group, may) => {
    const before = await imported(here.running, { groups: [group] });
    const jane = here.running.browser();
    const { next } = await begin(here.app, jane, before.username);
    expect(next.text.includes("Not now")).toBe(may);
    const path = new URL(next.url).pathname.replace("enrol", "not-now");
    expect((await jane.post(path, {})).status).toBe(may ? 200 : 403);
  });

  it("SEC-131 asks for a second proof first where the operator wants one, and goes on with nothing else", async () => {
    const before = await imported(here.running, { groups: ["proven"] });
    const jane = here.running.browser();
    const { request, next: confirm } = await begin(here.app, jane, before.username);
    expect(confirm.text).toContain("<h1>One more proof</h1>");
    const enrolPath = new URL(confirm.url).pathname.replace("confirm", "enrol");
    expect((await jane.open(enrolPath)).status).toBe(400);
    const action = address(confirm, "data-decision");
    const wrong = await jane.post(action, { code: "00000-00000-00000-00000-00000-0" });
    expect([wrong.status, wrong.json().code]).toEqual([401, "authentication_failed"]);

    const { pass } = await here.running.installation.accounts.issuePass(before.id, {
      ttl: 60_000,
      by: "cli",
    });
    const proven = await jane.post(action, { code: pass.toLowerCase().replaceAll("-", " ") });
    expect(proven.status, proven.text).toBe(200);
    const prove = await jane.complete(await jane.open(String(proven.json().location)));
    expect((await tokens(request, await jane.complete(prove))).acr).toBe("phr");
  });

  it("ends with the password: what an earlier sitting began adds no passkey after it", async () => {
    const before = await imported(here.running);
    const [owner, thief] = [here.running.browser(), here.running.browser()];
    const stale = await begin(here.app, thief, before.username);
    const other = await begin(here.app, thief, before.username);
    const { next } = await begin(here.app, owner, before.username);
    await owner.complete(await owner.complete(next));

    const added = await thief.perform(stale.next);
    expect([added.status, added.json().code]).toEqual([403, "account_limited"]);
    const declined = await thief.post(address(other.next, "data-decision"), {});
    expect([declined.status, declined.json().code]).toEqual([400, "ceremony_expired"]);
    expect((await account(before.id)).passkeys).toHaveLength(1);
  });

  it("is proved by exactly the passkey that was made, in the browser that made it", async () => {
    const before = await imported(here.running);
    const jane = here.running.browser();
    const { next } = await begin(here.app, jane, before.username);
    const made = await jane.perform(next);
    const prove = String(made.json().location);
    expect((await here.running.browser().open(prove)).status).toBe(400);
    const stranger = here.running.browser();
    await stranger.complete(await stranger.open("/sign-up"), { email: "stranger@example.com" });
    const page = await jane.open(prove);
    const { allowCredentials: _, ...anybody } = ceremonyOf(page).options;
    const foreign = stranger.authenticator.get(anybody, here.running.issuer);
    const answer = await jane.post(address(page, "data-action"), { response: foreign });
    expect([answer.status, answer.json().code]).toEqual([401, "authentication_failed"]);
    expect((await account(before.id)).password?.state).toBe("open");
    await jane.complete(await jane.open(prove));
    expect((await account(before.id)).password?.state).toBe("closed");
  });

  it("in two tabs ends in one password less, whichever finishes first", async () => {
    const before = await imported(here.running);
    const jane = here.running.browser();
    const tabs = [
      await begin(here.app, jane, before.username),
      await begin(here.app, here.running.browser(), before.username),
    ];
    const first = await jane.complete(tabs[0]!.next);
    await jane.complete(first);
    expect((await account(before.id)).password?.state).toBe("closed");
  });

  it("SEC-47 SEC-61 answers alike for a wrong password, an unknown name, a disabled account and one without password", async () => {
    const [known, disabled] = [await imported(here.running), await imported(here.running)];
    await here.running.installation.accounts.disable(disabled.id);
    const kim = here.running.browser();
    await kim.complete(await kim.open("/sign-up"), { username: "passkey-only" });
    const answers = [];
    for (const name of [known.username, disabled.username, "passkey-only", "nobody-at-all"]) {
      const browser = here.running.browser();
      const answer = await typePassword(browser, await browser.open("/sign-in"), name, "wrong");
      const { instance: _, ...problem } = JSON.parse(answer.text);
      const names = [...answer.headers.keys()].filter((header) => header !== "date").sort();
      answers.push({ status: answer.status, problem, names, cookies: answer.headers.getSetCookie().length });
    }
    expect(answers[0]).toMatchObject({ status: 401, problem: { code: "authentication_failed" } });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  it("SEC-56 locks the guessing of a password after five, and never the passkey", async () => {
    const before = await imported(here.running);
    const jane = here.running.browser();
    const { next } = await begin(here.app, jane, before.username);
    // Both ways are open now: the passkey is made, the password is not closed yet.
    await jane.complete(next);
    const browser = here.running.browser();
    const page = await browser.open("/sign-in");
    const statuses = [];
    for (let guess = 0; guess < 6; guess++) {
      statuses.push((await typePassword(browser, page, before.username, `guess ${guess}`)).status);
    }
    // One of the five was the right one, at the beginning.
    expect(statuses).toEqual([401, 401, 401, 401, 429, 429]);
    const [request, signedIn] = await here.app.authorize(here.running.browser(jane.authenticator));
    expect((await tokens(request, signedIn)).sub).toBe(before.id);
  });

  it("SEC-48 a session by password removes nothing: the owner's page asks for a passkey", async () => {
    const before = await imported(here.running);
    const jane = here.running.browser();
    const page = await jane.open("/account");
    const answer = await typePassword(jane, page, before.username);
    const home = await decline(jane, await jane.open(String(answer.json().location)));
    expect(home.text).toContain("Remove password");
    const asked = await jane.submit("/account/password/remove");
    expect(new URL(asked.url).pathname).toBe("/sign-in");
    const straight = await jane.post("/account/password/remove/confirm", { response: {} });
    expect([straight.status, straight.json().code]).toEqual([401, "authentication_failed"]);
    expect((await account(before.id)).password?.state).toBe("open");
  });

  it("SEC-113 leaves no password in the log", () => {
    expect(here.running.log.join("\n")).toContain("password.closed");
    expect(here.running.log.join("\n")).not.toContain(`"${OLD_PASSWORD}"`);
    expect(here.running.log.join("\n")).not.toContain("guess 3");
  });
});
