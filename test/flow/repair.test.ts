/** What a recovery may do to an account before its grace time is over, and who can undo it. */
import { describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import type { Account } from "../../src/account/account.ts";
import { accountRecord } from "../../src/account/account.ts";
import { accounts } from "../../src/account/accounts.ts";
import { newCode } from "../../src/account/typed-code.ts";
import { SoftwareAuthenticator } from "../../src/testing.ts";
import { type Answer, type Browser, ceremonyOf } from "../support/browser.ts";
import { address } from "../support/conversion.ts";
import { type Newcomer, newcomer } from "../support/newcomer.ts";
import { logoutReceiver } from "../support/receiver.ts";
import { scene } from "../support/scene.ts";
import { stores } from "../support/stores.ts";

const DAY = 24 * 60 * 60 * 1000;

interface Person extends Newcomer {
  codes: string[];
}

describe.each(stores)("a recovery in its grace time over $name", (kind) => {
  const here = scene(kind, {
    limits: { guesses: { perAddress: "100000/1h" } },
    groups: { patient: { recovery: { delay: "1d" } }, hasty: { recovery: { grace: 0 } } },
  });
  let people = 0;

  const read = async (id: string) => (await here.running.installation.accounts.find(id))?.value as Account;
  const states = async (id: string) => (await read(id)).passkeys.map(({ state }) => state);
  const location = (answer: Answer) => {
    expect(answer.status, answer.text).toBe(200);
    return String(answer.json().location);
  };

  /** Somebody with a passkey that is a day old, and codes. */
  async function person(group?: string): Promise<Person> {
    const made = await newcomer(here.running, `person${++people}`);
    const { id } = made;
    const account = await read(id);
    const passkeys = account.passkeys.map((held) => ({ ...held, created: held.created - DAY }));
    const groups = group === undefined ? [] : [group];
    await here.running.store.store.write(
      accountRecord.key(id),
      accountRecord.encode({ ...account, groups, passkeys }),
    );
    const codes = Array.from({ length: 10 }, newCode);
    await here.running.installation.accounts.setRecoveryCodes(id, codes);
    return { ...made, codes };
  }

  /** Types a code, and comes to the page that makes a passkey. */
  async function begin(browser: Browser, { username, codes }: Person, from = "/sign-in/recover") {
    const ladder = await browser.open(from);
    const typed = { username, code: codes.pop() ?? "" };
    return browser.open(location(await browser.post(address(ladder, "data-decision"), typed)));
  }

  /** Somebody recovers with a code; where he is then, and the passkeys that he could declare lost. */
  async function recover(of: Person, declare: boolean) {
    const browser = here.running.browser();
    const enrol = await begin(browser, of);
    const lost = address(enrol, 'name="lost" value').toString();
    const prove = await browser.complete(enrol, declare ? { lost } : {});
    return { browser, end: await browser.complete(prove) };
  }

  it("SEC-133 begins with the proof: a passkey that is made and never proved opens nothing and suspends nothing", async () => {
    const jane = await person();
    const thief = here.running.browser();
    const enrol = await begin(thief, jane);
    const made = await thief.perform(enrol, { lost: address(enrol, 'name="lost" value') });
    const prove = await thief.open(location(made));
    expect(await states(jane.id)).toEqual(["active", "pending"]);

    const answer = await thief.perform(await thief.open("/sign-in"));
    expect([answer.status, answer.json().code]).toEqual([401, "authentication_failed"]);
    expect(await read(jane.id)).not.toHaveProperty("repair");
    expect((await thief.complete(prove)).text).toContain("<h1>Your account</h1>");
    expect(await states(jane.id)).toEqual(["suspended", "active"]);
  });

  it("declares all others lost by one box, where there are several, and each of them can still object", async () => {
    const jane = await person();
    const only = here.running.browser();
    expect((await begin(only, jane)).text).not.toContain('value="*"');
    const second = here.running.browser(new SoftwareAuthenticator());
    second.cookies = jane.browser.cookies;
    await second.complete(await jane.browser.complete(await jane.browser.submit("/account/passkeys/add")));
    const browser = here.running.browser();
    const enrol = await begin(browser, jane);
    expect(enrol.text).toContain('name="lost" value="*"');
    await browser.complete(await browser.complete(enrol, { lost: "*" }));
    expect(await states(jane.id)).toEqual(["suspended", "suspended", "active"]);
    const holder = here.running.browser(second.authenticator);
    const question = await holder.complete(await holder.open("/sign-in"));
    await holder.post(address(question, "data-decision"), { decision: "cancel" });
    expect(await states(jane.id)).toEqual(["active", "active"]);
  });

  it("SEC-133 takes no older passkey away, and what it adds goes when the owner undoes it on his page", async () => {
    const jane = await person();
    const { browser: thief } = await recover(jane, false);
    const [older] = (await read(jane.id)).passkeys;
    const removal = await thief.submit(`/account/passkeys/${older?.id}/remove`);
    const refused = await thief.perform(removal);
    expect([refused.status, refused.json().code]).toEqual([403, "account_recovering"]);
    const further = await thief.complete(await thief.submit("/account/passkeys/add"));
    const second = here.running.browser(new SoftwareAuthenticator());
    second.cookies = thief.cookies;
    await second.complete(further);
    expect((await read(jane.id)).passkeys).toHaveLength(3);

    // Nothing was declared lost, so the owner simply signs in, and is told.
    const owner = here.running.browser(jane.browser.authenticator);
    const home = await owner.complete(await owner.open("/account"));
    expect(home.text).toContain("This account was recovered");
    const confirm = await owner.submit("/account/recovery/undo");
    // Whatever began in an earlier second is over.
    const present = Math.floor(Date.now() / 1000);
    while (Math.floor(Date.now() / 1000) === present) await new Promise(setImmediate);
    const undone = await owner.complete(confirm);
    expect(undone.text).toContain("The recovery is undone");
    const after = await read(jane.id);
    expect(after.passkeys.map(({ id }) => id)).toEqual([older?.id]);
    expect(after).not.toHaveProperty("recoveryCodes");
    for (const one of [thief, second]) {
      expect((await one.perform(await one.open("/sign-in"))).status).toBe(401);
    }
  });

  it("SEC-133 is not undone with a passkey that came with it", async () => {
    const jane = await person();
    const { browser: thief } = await recover(jane, true);
    const confirm = await thief.submit("/account/recovery/undo");
    const { action, options } = ceremonyOf(confirm);
    const { allowCredentials, ...anybody } = options;
    expect(allowCredentials).toEqual([]);
    const response = thief.authenticator.get(anybody, here.running.issuer);
    const answer = await thief.post(action, { response });
    expect([answer.status, answer.json().code]).toEqual([401, "authentication_failed"]);
    expect(await read(jane.id)).toHaveProperty("repair");
  });

  it("SEC-133 is over for everybody when it is undone, at whatever step a second one is", async () => {
    const jane = await person();
    const { browser: thief } = await recover(jane, true);
    const [early, late] = [here.running.browser(), here.running.browser()];
    // In the very second of the end, as likely as not.
    const lastMoment = here.running.browser(thief.authenticator);
    const enrol = await begin(early, jane);
    const prove = await late.complete(await begin(late, jane));

    const owner = here.running.browser(jane.browser.authenticator);
    const question = await owner.complete(await owner.open("/sign-in"));
    expect((await lastMoment.complete(await lastMoment.open("/sign-in"))).text).toContain(
      "<h1>Your account</h1>",
    );
    location(await owner.post(address(question, "data-decision"), { decision: "cancel" }));
    expect(await states(jane.id)).toEqual(["active"]);
    expect(new URL((await lastMoment.open("/account")).url).pathname).toBe("/sign-in");
    expect(new URL((await owner.open("/account")).url).pathname).toBe("/account");

    const registered = await early.perform(enrol);
    expect([registered.status, registered.json().code]).toEqual([400, "ceremony_expired"]);
    expect((await late.perform(prove)).status).toBe(401);
    expect((await thief.perform(await thief.open("/sign-in"))).status).toBe(401);
    const typed = { username: jane.username, code: jane.codes.pop() ?? "" };
    expect((await here.running.browser().post("/sign-in/recover", typed)).status).toBe(401);
    expect(await states(jane.id)).toEqual(["active"]);
  });

  it("SEC-60 ends every session and token, and tells the apps", async () => {
    const receiver = await logoutReceiver();
    const mail = await here.running.app({ backchannelLogoutUri: receiver.url });
    const [jane, kim] = [await person(), await person()];
    const { response } = await mail.signIn(jane.browser);
    const others = await mail.signIn(kim.browser);
    const alive = async (token: string) => (await mail.userinfo(token)).status === 200;
    expect(await alive(response.access_token)).toBe(true);

    await recover(jane, true);
    expect(await alive(response.access_token)).toBe(false);
    expect(new URL((await jane.browser.open("/account")).url).pathname).toBe("/sign-in");
    expect(receiver.told).toHaveLength(1);
    expect(await alive(others.response.access_token)).toBe(true);
    expect(new URL((await kim.browser.open("/account")).url).pathname).toBe("/account");
    receiver.close();
  });

  it("with no grace leaves nobody who could object", async () => {
    const jane = await person("hasty");
    await recover(jane, true);
    const owner = here.running.browser(jane.browser.authenticator);
    const answer = await owner.perform(await owner.open("/sign-in"));
    expect([answer.status, answer.json().code]).toEqual([401, "authentication_failed"]);
    const later = { now: () => Date.now() + 1000 };
    await accounts({ store: here.running.store.store, clock: later }).sweep();
    expect(await states(jane.id)).toEqual(["active"]);
  });

  describe("where the operator asks for a delay", () => {
    /** As if it had been asked for longer ago. */
    async function pass(id: string): Promise<void> {
      const account = await read(id);
      const { repair } = account;
      if (repair?.starts === undefined) throw new Error("nothing waits");
      const past = { ...repair, starts: Date.now() - 1, since: repair.since - DAY };
      await here.running.store.store.write(
        accountRecord.key(id),
        accountRecord.encode({ ...account, repair: past }),
      );
    }

    it("opens nothing before it is over, says when that is, and works from then on", async () => {
      const jane = await person("patient");
      const { browser, end } = await recover(jane, true);
      expect(end.text).toContain("<h1>Your recovery is waiting</h1>");
      expect(new URL((await browser.open("/account")).url).pathname).toBe("/sign-in");
      const early = await browser.complete(await browser.open("/sign-in"));
      expect(early.text).toContain("<h1>Your recovery is waiting</h1>");
      expect(await states(jane.id)).toEqual(["active", "suspended"]);

      await pass(jane.id);
      const request = await here.app.request();
      const late = await browser.complete(await browser.open(request.url));
      expect((await here.app.tokens(request, late)).idToken.sub).toBe(jane.id);
      expect(await states(jane.id)).toEqual(["suspended", "active"]);
    });

    it("SEC-133 asks the owner in the meantime, who goes on with the passkey he has, or stops it", async () => {
      const jane = await person("patient");
      const { browser: thief } = await recover(jane, true);
      const owner = here.running.browser(jane.browser.authenticator);
      const ask = async () => owner.complete(await owner.open("/sign-in"));
      const decide = async (decision: string) => {
        const question = await ask();
        expect(question.text).toContain("<h1>Was this you?</h1>");
        return owner.open(location(await owner.post(address(question, "data-decision"), { decision })));
      };
      expect((await decide("keep")).text).toContain("Somebody asked to recover this account");
      expect((await decide("cancel")).text).toContain("<h1>Your account</h1>");
      expect(await states(jane.id)).toEqual(["active"]);
      expect((await thief.perform(await thief.open("/sign-in"))).status).toBe(401);
    });
  });
});
