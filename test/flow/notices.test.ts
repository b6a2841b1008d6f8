/** What owners are told by mail of what was done in their name, over real SMTP, and how they can undo it or where to look. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { type Account, accountRecord } from "../../src/account/account.ts";
import { createImported } from "../../src/account/create.ts";
import { SoftwareAuthenticator } from "../../src/testing.ts";
import { operator } from "../command/operator.ts";
import { type Browser, ceremonyOf } from "../support/browser.ts";
import { importInto } from "../support/imported.ts";
import { type Running, SECRET, startInstallation } from "../support/installation.ts";
import { newcomer } from "../support/newcomer.ts";
import { type MailServer, mailSettings, startMailServer } from "../support/smtp.ts";
import { stores } from "../support/stores.ts";

describe.each(stores)("notices over $name", (kind) => {
  let running: Running;
  let post: MailServer;
  let jane: Browser;
  let id: string;
  let username: string;
  let email: string;
  let people = 0;

  beforeAll(async () => {
    post = await startMailServer();
    running = await startInstallation(kind, { mail: mailSettings(post) });
  });
  afterAll(async () => {
    await running.stop();
    await post.shut();
  });
  beforeEach(async () => {
    username = `told${++people}`;
    email = `${username}@example.com`;
    ({ id, browser: jane } = await newcomer(running, username, email));
    const verified = { ...((await read()) as Account), emailVerified: true };
    await running.store.store.write(accountRecord.key(id), accountRecord.encode(verified));
  });

  const read = async () => (await running.installation.accounts.find(id))?.value;
  /** Somebody at a terminal whose commands may tell owners. */
  const operatorWhoMails = () => {
    const { url, from } = mailSettings(post);
    return operator({ ...ownSettings(), LATCHKEY_MAIL_URL: url, LATCHKEY_MAIL_FROM: from });
  };
  const ownSettings = () => ({
    LATCHKEY_STORE: running.store.url,
    LATCHKEY_ISSUER: running.issuer,
    LATCHKEY_SECRET: SECRET,
  });
  const mailed = () => post.inbox.filter(({ to }) => to.includes(email)).map(({ mail }) => mail.subject);

  it("SEC-63: tell whose an address is that somebody else signs up with it, at most three times an hour, and nobody else", async () => {
    const { store, clock, invitations } = running.installation;
    const owner = {
      username: `owner-${username}`,
      email: `owner-${email}`,
      emailVerified: true,
      password: false,
    };
    const account = await createImported({ store, clock }, owner, async () => {});
    const signUp = async (as: string, address: string) => {
      const stranger = running.browser();
      return stranger.perform(await stranger.open("/sign-up"), { username: as, email: address });
    };
    for (let n = 0; n < 5; n++) expect((await signUp(`${username}x${n}`, owner.email)).status).toBe(200);
    expect((await post.newest(owner.email, 3)).subject).toBe("Your email address was used to sign up");
    // An address that nobody has proved to be his is nobody's: the next one is told of nothing.
    expect((await signUp(`${username}y`, `free-${email}`)).status).toBe(200);
    expect((await signUp(`${username}z`, `free-${email}`)).status).toBe(200);
    const { token } = await invitations.issue({ account: account.id }, 60_000);
    const guest = running.browser();
    await guest.complete(await guest.open(`/invite/${token}`));
    expect((await post.newest(owner.email, 4)).subject).toBe("A passkey was added to your account");
    expect(post.inbox.filter(({ to }) => to.includes(`free-${email}`))).toEqual([]);
  });

  it("tell of a passkey that was added on the owner's page, and of one that was removed, by name", async () => {
    const page = await jane.complete(await jane.submit("/account/passkeys/add"));
    const { action, options } = ceremonyOf(page);
    const response = new SoftwareAuthenticator().create(options, running.issuer);
    expect((await jane.post(action, { response })).status).toBe(200);
    const added = (await read())?.passkeys[1];
    const first = await post.newest(email);
    expect(first.subject).toBe("A passkey was added to your account");
    for (const body of [first.text, String(first.html)]) {
      expect(body).toContain(added?.name);
      expect(body).toContain(`${running.issuer}/account`);
    }

    await jane.submit(`/account/passkeys/${added?.id}/rename`, { name: "Blue key" });
    await jane.complete(await jane.submit(`/account/passkeys/${added?.id}/remove`));
    const second = await post.newest(email, 2);
    expect(second.subject).toBe("A passkey was removed from your account");
    expect(second.text).toContain("Blue key");
    expect(second.text).toContain(`${running.issuer}/account`);
  });

  it("tell of nothing that was refused", async () => {
    const page = await jane.complete(await jane.submit("/account/passkeys/add"));
    const { action, options } = ceremonyOf(page);
    const foreign = new SoftwareAuthenticator().create(options, "https://evil.example");
    expect((await jane.post(action, { response: foreign })).status).toBe(400);
    const only = (await read())?.passkeys[0]?.id;
    expect((await jane.submit(`/account/passkeys/${only}/remove`)).status).toBe(409);
    const wrong = "00000-00000-00000-00000-00000-0";
    await running.browser().post("/sign-in/recover", { username, code: wrong });
    await jane.complete(await jane.submit("/account/sessions/end"));
    await post.newest(email);
    expect(mailed()).toEqual(["You were signed out everywhere else"]);
  });

  it("SEC-39 tell of the first passkey that somebody made with an invitation to an account that was there", async () => {
    const imported = {
      username: `brought${people}`,
      email: `brought${people}@example.com`,
      emailVerified: true,
      password: false,
    };
    const { store, accounts, invitations, clock } = running.installation;
    const account = await createImported({ store, clock }, imported, async () => {});
    const { token } = await invitations.issue({ account: account.id }, 60_000);
    const guest = running.browser();
    await guest.complete(await guest.open(`/invite/${token}`));
    expect((await accounts.find(account.id))?.value.passkeys).toHaveLength(1);
    const mail = await post.newest(imported.email);
    expect(mail.subject).toBe("A passkey was added to your account");
  });

  it("tell of a recovery code when it is used, before anything is made with it", async () => {
    const shown = await jane.complete(await jane.submit("/account/recovery-codes"));
    const code = /<code>([^<]+)<\/code>/.exec(shown.text)?.[1] ?? "";
    await post.newest(email);
    const answer = await running.browser().post("/sign-in/recover", { username, code });
    expect(answer.status, answer.text).toBe(200);
    const mail = await post.newest(email, 2);
    expect(mail.subject).toBe("A recovery code was used");
    expect(mail.text).toContain(`${running.issuer}/account`);
    expect(mail.text).not.toContain(code.slice(0, 11));
  });

  it.each([
    [
      "en",
      ["Your account was disabled", "Your account was enabled again", "Your account was deleted"],
      "ask whoever runs this service",
    ],
    [
      "de",
      ["Ihr Konto wurde gesperrt", "Ihr Konto wurde wieder freigegeben", "Ihr Konto wurde gelöscht"],
      "fragen Sie die Betreiber",
    ],
  ])(
    "tell of an account that the command line disabled, enabled and deleted, once each, in %s",
    async (language, subjects, closing) => {
      const told = { ...((await read()) as Account), language };
      await running.store.store.write(accountRecord.key(id), accountRecord.encode(told));
      const admin = operatorWhoMails();
      // The control: without a mail server nothing is kept to be sent.
      const silent = operator(ownSettings());
      const waiting = await running.store.store.members("queue:mail");
      expect((await silent.run("accounts", "disable", id)).code).toBe(0);
      expect((await silent.run("accounts", "enable", id)).code).toBe(0);
      const waits = await running.store.store.members("queue:mail");
      expect(waits.filter((mail) => !waiting.includes(mail))).toEqual([]);
      for (const words of [["disable"], ["disable"], ["enable"], ["enable"], ["delete", "--yes"]]) {
        const [command = "", ...flags] = words;
        const { code, err } = await admin.run("accounts", command, id, ...flags);
        expect(code, err).toBe(0);
      }
      admin.remove();
      silent.remove();
      // Whatever the server sends next takes with it what waits.
      const other = running.browser();
      const name = `other${people}`;
      await other.complete(await other.open("/sign-up"), { username: name, email: `${name}@example.com` });
      const found = (await running.installation.accounts.findByLogin(name))?.value as Account;
      const verified = accountRecord.encode({ ...found, emailVerified: true });
      await running.store.store.write(accountRecord.key(found.id), verified);
      await other.complete(await other.submit("/account/sessions/end"));
      await post.newest(email, 3);
      expect(mailed().sort()).toEqual([...subjects].sort());
      const mails = post.inbox.filter(({ to }) => to.includes(email));
      for (const { mail } of mails) {
        const isOpen = mail.subject === subjects[1];
        for (const body of [mail.text, String(mail.html)]) {
          expect(body).toContain(username);
          // Whose account is closed is not sent to a page that does not open.
          expect(body?.includes(`${running.issuer}/account`)).toBe(isOpen);
          expect(body?.includes(closing)).toBe(!isOpen);
        }
      }
    },
  );

  it("tell of a password that the command line dropped, and nobody whose password stays", async () => {
    const admin = operatorWhoMails();
    const verified = (name: string, groups: string[]) =>
      importInto(running.installation, {
        username: `${name}-${username}`,
        email: `${name}-${email}`,
        emailVerified: true,
        groups,
      });
    await verified("leaves", [`left-${username}`]);
    await verified("stays", []);
    for (let time = 0; time < 2; time++) {
      const { code, json, err } = await admin.run(
        "passwords",
        "drop",
        "--group",
        `left-${username}`,
        "--yes",
        "--json",
      );
      expect(code, err).toBe(0);
      expect(json()).toEqual(
        time === 0 ? { dropped: 1, without_passkey: 1 } : { dropped: 0, without_passkey: 0 },
      );
    }
    admin.remove();
    await jane.complete(await jane.submit("/account/sessions/end"));
    const told = await post.newest(`leaves-${email}`, 1);
    expect(told.subject).toBe("Your password opens your account no more");
    expect(told.text).toContain("temporary pass");
    const named = post.inbox.flatMap(({ to }) => to).filter((to) => to.endsWith(`s-${email}`));
    expect(named).toEqual([`leaves-${email}`]);
  });

  it("tell of a pass that the command line issued: the command keeps the mail, the server sends it", async () => {
    const admin = operatorWhoMails();
    const { code, json, err } = await admin.run("pass", "issue", id, "--json");
    admin.remove();
    expect(code, err).toBe(0);
    // Whatever the server sends next takes with it what waits.
    await jane.complete(await jane.submit("/account/sessions/end"));
    await post.newest(email, 2);
    expect(mailed().sort()).toEqual([
      "A temporary pass was issued for your account",
      "You were signed out everywhere else",
    ]);
    const told = post.inbox
      .filter(({ to }) => to.includes(email))
      .map(({ raw }) => raw)
      .join();
    expect(told).not.toContain(String(json().pass).slice(0, 11));
    expect(told).toContain(`${running.issuer}/account`);
  });
});
