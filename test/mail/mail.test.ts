/** Mail: real SMTP, a queue in the store, and nothing that waits for either. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { Account } from "../../src/account/account.ts";
import type { Clock } from "../../src/clock.ts";
import { silentLogger } from "../../src/log.ts";
import { type Mailer, openMailer } from "../../src/mail/mailer.ts";
import { createVault } from "../../src/vault.ts";
import { account } from "../account/samples.ts";
import { type MailServer, mailSettings, startMailServer } from "../support/smtp.ts";
import { type OpenStore, stores } from "../support/stores.ts";

const SECRET = "mail-test-secret-0123456789-abcdefghijklmnop";

describe.each(stores)("mail over $name", (kind) => {
  let server: MailServer;
  let opened: OpenStore;
  let now: number;
  let number = 0;
  let to: string;
  let mailer: Mailer;
  const clock: Clock = { now: () => now };

  beforeAll(async () => {
    server = await startMailServer();
  });
  afterAll(async () => {
    await server.shut();
  });
  beforeEach(async () => {
    opened = await kind.open();
    now = Date.now();
    to = `jane${++number}@example.com`;
    mailer = open();
  });

  afterEach(async () => {
    await mailer.drain();
    await opened.close();
  });

  const open = () =>
    openMailer({
      store: opened.store,
      vault: createVault([SECRET]),
      clock,
      log: silentLogger,
      settings: { issuer: "https://id.example.com" },
      ...mailSettings(server),
    })!;
  const owner = (more: Partial<Account> = {}): Account => ({
    ...account(),
    username: "jane",
    email: to,
    emailVerified: true,
    ...more,
  });
  const proof = (more: object = {}) => ({
    to,
    name: "proof" as const,
    model: {
      kind: "email",
      account: "jane",
      link: { url: "https://id.example.com/x?token=t0k3n", minutes: 30 },
      code: "ABCD-1234",
    },
    ...more,
  });
  const records = async () => {
    const found: unknown[] = [];
    for await (const { entries } of opened.store.scan("mail"))
      found.push(...entries.map(({ value }) => value));
    return found;
  };

  it("tells an owner in text and in HTML, from the address that was set, with the way to undo it", async () => {
    const undo = "https://id.example.com/undo?token=x";
    await mailer.notify(owner(), { kind: "email_changed", at: now, about: "new@example.com", undo });
    const mail = await server.newest(to);
    expect(mail.subject).toBe("The email address of your account was changed");
    expect(mail.from?.text).toBe('"Latchkey" <id@latchkey.example>');
    expect(mail.headers.get("auto-submitted")).toBe("auto-generated");
    for (const body of [mail.text, String(mail.html)]) {
      for (const words of ["new@example.com", "jane", undo, "id.example.com"]) expect(body).toContain(words);
    }
    await mailer.drain();
    expect(await records()).toEqual([]);
  });

  it("speaks the owner's language, and English where it has none", async () => {
    await mailer.notify(owner({ language: "de" }), { kind: "passkey_added", at: now });
    expect((await server.newest(to)).subject).toBe("Ihr Konto hat einen neuen Passkey");
    await mailer.notify(owner({ language: "tlh" }), { kind: "passkey_added", at: now });
    expect((await server.newest(to, 2)).subject).toBe("A passkey was added to your account");
  });

  it("tells nobody at an address that nobody has proved to be theirs", async () => {
    await mailer.notify(owner({ emailVerified: false }), { kind: "passkey_added", at: now });
    await mailer.notify(owner(), { kind: "passkey_removed", at: now });
    expect((await server.newest(to)).subject).toContain("removed");
    expect(server.inbox.filter((one) => one.to.includes(to))).toHaveLength(1);
  });

  it("SEC-111 no text adds a header, a recipient or markup", async () => {
    const evil = `x\r\nBcc: evil@example.com\r\n\r\n<script>alert(1)</script>, evil@example.com`;
    await mailer.notify(owner({ username: evil }), { kind: "passkey_added", at: now, about: evil });
    const mail = await server.newest(to);
    expect(mail.bcc).toBeUndefined();
    expect(String(mail.html)).not.toContain("<script");
    expect(String(mail.html)).toContain("&lt;script&gt;");
    const two = `a${number}@example.com, evil@example.com`;
    await mailer.send(proof({ to: two }));
    await mailer.send(proof({ to: `b${number}@example.com\r\nBcc: evil@example.com` }));
    await mailer.send(proof());
    await server.newest(to, 2);
    expect(server.inbox.flatMap((one) => one.to)).not.toContain("evil@example.com");
    expect(server.inbox.filter(({ raw }) => /^bcc:/im.test(raw.split("\r\n\r\n")[0] ?? ""))).toEqual([]);
  });

  it("mails a code to be typed, and nothing where the address is not proved", async () => {
    await mailer.code(owner({ emailVerified: false }), { kind: "conversion", code: "00000000" }, "en");
    await mailer.code(owner(), { kind: "conversion", code: "12345678" }, "de");
    const mail = await server.newest(to);
    expect(mail.subject).toBe("Ihr Code");
    for (const body of [mail.text, String(mail.html)]) expect(body).toContain("12345678");
    expect(mail.text).not.toContain("http");
    expect(server.inbox.filter((one) => one.to.includes(to))).toHaveLength(1);
  });

  it("F22 keeps what no mail server takes, and whoever is alive sends it later", async () => {
    await server.shut();
    onTestFinished(() => server.open());
    expect(await mailer.send(proof())).toBe(true);
    await mailer.drain();
    expect(await records()).toEqual([expect.objectContaining({ attempts: 1 })]);
    const another = open();
    expect(await another.drain()).toBe(0);
    await server.open();
    expect(await another.drain()).toBe(0);
    now += 31_000;
    expect(await another.drain()).toBe(1);
    expect((await server.newest(to)).text).toContain("token=t0k3n");
    expect(await records()).toEqual([]);
    expect(await another.drain()).toBe(0);
  });

  it("of several senders at once one sends", async () => {
    await server.shut();
    onTestFinished(() => server.open());
    await mailer.send(proof());
    await mailer.drain();
    expect(await records()).toEqual([expect.objectContaining({ attempts: 1 })]);
    await server.open();
    now += 31_000;
    const sent = await Promise.all([open(), open(), open()].map((one) => one.drain()));
    expect(sent.reduce((sum, one) => sum + one)).toBe(1);
    await server.newest(to);
    expect(server.inbox.filter((one) => one.to.includes(to))).toHaveLength(1);
  });

  it("gives up a recipient whom the mail server refuses for good, and tries again one that it refuses for now", async () => {
    server.refuses.set(to, 550);
    await mailer.send(proof());
    await mailer.drain();
    expect(await records()).toEqual([]);
    server.refuses.set(to, 451);
    await mailer.send(proof());
    await mailer.drain();
    expect(await records()).toEqual([expect.objectContaining({ attempts: 1 })]);
    server.refuses.delete(to);
    now += 31_000;
    expect(await open().drain()).toBe(1);
    await server.newest(to);
  });

  it("SEC-66 sends at most three an hour of what others can ask for, each account for itself", async () => {
    const sent = [];
    for (let ask = 0; ask < 5; ask++) sent.push(await mailer.send(proof({ bucket: to })));
    expect(sent).toEqual([true, true, true, false, false]);
    expect(await mailer.send(proof({ bucket: `another ${to}` }))).toBe(true);
    expect(await mailer.send(proof())).toBe(true);
    await server.newest(to, 5);
  });

  it("SEC-113 keeps no link and no address in the clear while it waits", async () => {
    await server.shut();
    onTestFinished(() => server.open());
    await mailer.send(proof());
    await mailer.drain();
    expect(await records()).toHaveLength(1);
    const kept = JSON.stringify(await records());
    for (const secret of ["t0k3n", "ABCD-1234", to]) expect(kept).not.toContain(secret);
    await server.open();
    now += 31_000;
    expect(await open().drain()).toBe(1);
  });
});
