/** Somebody else knew the password: the owner reads it in a mail, says so, and gets the account back. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { type Answer, type Browser, ceremonyOf } from "../support/browser.ts";
import { address, begin, typePassword } from "../support/conversion.ts";
import { imported } from "../support/imported.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { type MailServer, mailSettings, startMailServer } from "../support/smtp.ts";
import { stores } from "../support/stores.ts";

/** What an ID token says, unjudged. */
function claimsOf(token = ""): { iat: number } {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}

const LINK = /https?:\/\/\S+\/undo\/\S+/;

describe.each(stores)("SEC-131 a conversion that was somebody else's, over $name", (kind) => {
  let running: Running;
  let app: RelyingParty;
  let post: MailServer;
  let count = 0;

  beforeAll(async () => {
    post = await startMailServer();
    running = await startInstallation(kind, {
      mail: mailSettings(post),
      groups: { trusting: { passwords: { confirm: "none" } } },
    });
    app = await running.app();
  });
  afterAll(async () => {
    await running?.stop();
    await post?.shut();
  });

  const account = async (id: string) => (await running.installation.accounts.find(id))?.value;
  const refusal = (answer: Answer) => [answer.status, answer.json().code];

  /** An account with a verified address, whose password somebody knows. */
  async function victim(groups = ["trusting"]) {
    const email = `victim${++count}@example.com`;
    return { ...(await imported(running, { email, emailVerified: true, groups })), email };
  }
  /** The account is the thief's, as far as he can tell. */
  async function stolen() {
    const owner = await victim();
    const thief = running.browser();
    const { request, next } = await begin(app, thief, owner.username);
    const { response } = await app.tokens(request, await thief.complete(await thief.complete(next)));
    const { iat } = claimsOf(response.id_token);
    // Sessions are dated in seconds, and nobody reads his mail within one.
    await expect.poll(() => Date.now()).toBeGreaterThanOrEqual((iat + 1) * 1000);
    return { owner, thief, accessToken: response.access_token };
  }
  /** The mail of this subject, once it has arrived. */
  async function mailTo(email: string, subject: string): Promise<string> {
    const found = () => post.inbox.find(({ to, mail }) => to.includes(email) && mail.subject === subject);
    await expect.poll(found, { timeout: 20_000 }).toBeDefined();
    return found()?.mail.text ?? "";
  }
  async function linkIn(email: string, subject = "Your password was replaced by a passkey") {
    return new URL(LINK.exec(await mailTo(email, subject))?.[0] ?? "").pathname;
  }
  /** Proves who is there for a sensitive action. */
  const act = async (browser: Browser, path: string) => browser.complete(await browser.submit(path));

  it("is told by mail twice, and one press takes it all back", async () => {
    const { owner, thief, accessToken } = await stolen();
    expect((await app.userinfo(accessToken)).status).toBe(200);
    // He adds a second passkey, and codes of his own.
    const adding = await act(thief, "/account/passkeys/add");
    const { action, options } = ceremonyOf(adding);
    const second = running.browser();
    await thief.post(action, { response: second.authenticator.create(options, running.issuer) });
    const codes = await act(thief, "/account/recovery-codes");
    const code = /[0-9A-Z]{5}(-[0-9A-Z]{5}){4}-[0-9A-Z]/.exec(codes.text)?.[0] ?? "";
    expect((await account(owner.id))?.passkeys).toHaveLength(2);
    // And begins a recovery, to be sure.
    const back = await thief.post("/sign-in/recover", { username: owner.username, code });
    const prepared = await thief.open(String(back.json().location));
    expect(prepared.text).toContain("<h1>Create a passkey</h1>");

    const path = await linkIn(owner.email);
    expect(await linkIn(owner.email, "A passkey was added to your account")).toBe(path);
    const reader = running.browser();
    const page = await reader.open(path);
    expect(page.text).toContain("<h1>It wasn&#39;t you?</h1>");
    expect((await account(owner.id))?.passkeys.map(({ state }) => state)).toEqual(["active", "active"]);
    const done = await reader.submit(path);
    expect(done.text).toContain("<h1>Undone</h1>");

    const after = await account(owner.id);
    expect(after?.passkeys.map(({ state }) => state)).toEqual(["suspended", "suspended"]);
    expect(after).toMatchObject({ password: { state: "closed" } });
    expect(after?.recoveryCodes).toBeUndefined();
    expect((await app.userinfo(accessToken)).status).toBe(401);
    expect(new URL((await thief.open("/account")).url).pathname).toBe("/sign-in");
    for (const browser of [thief, running.browser(second.authenticator)]) {
      const answer = await browser.perform(await browser.open("/sign-in"));
      expect(refusal(answer)).toEqual([401, "authentication_failed"]);
    }
    const { action: enrol, options: ours } = ceremonyOf(prepared);
    const third = { response: running.browser().authenticator.create(ours, running.issuer) };
    expect(refusal(await thief.post(enrol, third))).toEqual([400, "ceremony_expired"]);
    const again = await thief.post("/sign-in/recover", { username: owner.username, code });
    expect(refusal(again)).toEqual([401, "authentication_failed"]);
    expect(await mailTo(owner.email, "Your account was taken back")).not.toMatch(LINK);

    // The owner comes back by a pass, and only he is in.
    const { pass } = await running.installation.accounts.issuePass(owner.id, { ttl: 60_000, by: "cli" });
    const jane = running.browser();
    const admitted = await jane.post("/sign-in/recover", { username: owner.username, code: pass });
    const prove = await jane.complete(await jane.open(String(admitted.json().location)));
    await jane.complete(prove);
    expect((await app.signIn(jane)).idToken.sub).toBe(owner.id);
    const still = await thief.perform(await thief.open("/sign-in"));
    expect(refusal(still)).toEqual([401, "authentication_failed"]);
  });

  it("is told of a passkey that was made and never proved, and can be undone before the password goes", async () => {
    const owner = await victim();
    const thief = running.browser();
    const { next } = await begin(app, thief, owner.username);
    await thief.complete(next);
    expect(await account(owner.id)).toMatchObject({ password: { state: "open" } });
    const path = await linkIn(owner.email, "A passkey was added to your account");
    await running.browser().submit(path);
    expect(await account(owner.id)).toMatchObject({
      password: { state: "closed" },
      passkeys: [{ state: "suspended" }],
    });
    const page = await thief.open("/sign-in");
    expect(refusal(await typePassword(thief, page, owner.username))).toEqual([401, "authentication_failed"]);
  });

  it("works once, for its account, in time, from our own page; anything else gets one answer", async () => {
    const { owner } = await stolen();
    const other = await stolen();
    const path = await linkIn(owner.email);
    const [, token = ""] = /\/undo\/(.+)/.exec(path) ?? [];
    const [id = "", secret = ""] = token.split(".");
    const foreign = Buffer.from(other.owner.id).toString("base64url");
    const nobody = Buffer.from("nobody").toString("base64url");
    const spoiled = `${secret.startsWith("A") ? "B" : "A"}${secret.slice(1)}`;
    const reader = running.browser();
    const tokens = [`${foreign}.${secret}`, `${nobody}.${secret}`, `${id}.${spoiled}`, `${id}.`, id, "x"];
    for (const hostile of tokens) {
      const path = `/undo/${hostile}`;
      const seen = await reader.open(path);
      expect([seen.status, seen.text.includes("undo_link_invalid")], hostile).toEqual([404, true]);
      expect((await reader.submit(path)).status).toBe(404);
    }
    const planted = await reader.request(path, {
      method: "POST",
      body: "",
      headers: { origin: "https://evil.test", "content-type": "application/x-www-form-urlencoded" },
    });
    expect(planted.status).toBe(403);
    expect((await account(owner.id))?.passkeys.map(({ state }) => state)).toEqual(["active"]);

    const answers = await Promise.all([reader.submit(path), reader.submit(path), reader.submit(path)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404, 404]);
    expect((await reader.open(path)).status).toBe(404);
    expect((await account(other.owner.id))?.passkeys.map(({ state }) => state)).toEqual(["active"]);
  });

  it("outlives a restart, and its secret stands in neither the account nor the log", async () => {
    const { owner } = await stolen();
    const path = await linkIn(owner.email);
    const secret = path.split(".")[1]!;
    expect(JSON.stringify(await account(owner.id))).not.toContain(secret);
    await running.browser().open(path);
    expect(running.log.join("\n")).not.toContain(secret);
    await running.restart();
    expect((await running.browser().open(path)).status).toBe(200);
  });

  it("begins only after a code from the verified address, where mail is set", async () => {
    const owner = await victim([]);
    const thief = running.browser();
    const { request, next } = await begin(app, thief, owner.username);
    expect(next.text).toContain("<h1>One more proof</h1>");
    const { text = "" } = await post.newest(owner.email);
    const action = address(next, "data-decision");
    expect(refusal(await thief.post(action, { code: "00000000" }))).toEqual([401, "authentication_failed"]);
    const typed = await thief.post(action, { code: /\b\d{8}\b/.exec(text)?.[0] });
    expect(typed.status, typed.text).toBe(200);
    const enrol = await thief.open(String(typed.json().location));
    const { idToken } = await app.tokens(request, await thief.complete(await thief.complete(enrol)));
    expect(idToken.sub).toBe(owner.id);
  });
});
