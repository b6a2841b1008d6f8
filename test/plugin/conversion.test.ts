/**
 * A host's passwords on their way out: the last sign-in with one, the passkey in its place, and a column that is empty.
 * Our document is the authority from the moment it says `closed`, whatever the host answers, and whenever it does.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import "../support/prototypes.ts";
import { accountRecord } from "../../src/account/account.ts";
import type { Notice, NoticeRecipient } from "../../src/plugin/passkeys.ts";
import { type Answer, type Browser, ceremonyOf } from "../support/browser.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { type Host, type HostOptions, jane, type Mounting, mountings, startHost, Users } from "./host.ts";

const PASSWORD = "correct horse";
let number = 0;

const kinds = [
  ...stores.map((kind) => ({ kind, name: "Koa alone", path: "" })),
  ...stores.slice(0, 1).map((kind) => ({ kind, name: "Express 5 with a body parser", path: "" })),
  ...stores.slice(0, 1).map((kind) => ({ kind, name: "Koa, the provider under a path", path: "/oidc" })),
];

describe.each(kinds)("a host's password, in $name over $kind.name", ({ kind, name, path }) => {
  let store: OpenStore;
  let host: Host;
  let app: RelyingParty;
  let user: ReturnType<typeof jane>;

  beforeAll(async () => {
    store = await kind.open();
  });
  afterAll(() => store.close());
  beforeEach(async () => {
    user = { ...jane(), id: `user-${++number}`, login: `jane${number}` };
    host = await start();
    app = await host.app();
  });
  afterEach(() => host.stop());

  const start = (o: Partial<HostOptions> = {}) =>
    startHost({
      store: store.store,
      users: new Users(user),
      mounting: mountings[name] as Mounting,
      path,
      options: { firstParty: () => true },
      ...o,
    });
  const document = async () => {
    const found = await accountRecord.read(store.store, user.id);
    return found && accountRecord.decode(found.value as object);
  };
  const type = (browser: Browser, page: Answer, password = PASSWORD, username = user.login) => {
    const [, url = ""] = /data-password="([^"]+)"/.exec(page.text) ?? [];
    return browser.post(url.replaceAll("&amp;", "&"), { username, password });
  };
  const said = (answer: Answer) => [answer.status, answer.json().code];

  /** The whole conversion, up to the app's tokens. */
  async function convert(browser = host.browser()) {
    const request = await app.request({ scope: "openid" });
    const answer = await type(browser, await browser.open(request.url));
    expect(answer.status, answer.text).toBe(200);
    const prove = await browser.complete(await browser.open(String(answer.json().location)));
    expect(prove.text).toContain("Use your new passkey");
    return { browser, ...(await app.tokens(request, await browser.complete(prove))) };
  }

  it("is typed one last time, becomes a passkey, and is erased from the host's table", async () => {
    expect(await host.keys.status()).toMatchObject({ passwords: 1 });
    const { browser, idToken } = await convert();
    expect(idToken).toMatchObject({ sub: user.id, acr: "phr" });
    expect(user.password).toBeNull();
    expect(host.users.asked).toEqual([`verify ${user.id}`, `drop ${user.id}`]);
    expect((await document())?.password).toMatchObject({ state: "closed", dropped: expect.any(Number) });
    expect(await host.keys.status()).toMatchObject({ passwords: 0, waiting: 0 });
    const again = await app.signIn(host.browser(browser.authenticator));
    expect(again.idToken.sub).toBe(user.id);
  });

  it("tells its owner by the host's own channel, and the link of the notice undoes it", async () => {
    const told: [NoticeRecipient, Notice][] = [];
    await host.stop();
    host = await start({
      options: {
        firstParty: () => true,
        async notify(recipient, notice) {
          told.push([recipient, notice]);
          throw new Error("the channel is away");
        },
      },
    });
    app = await host.app();
    const { browser } = await convert();
    expect(told.map(([, { kind }]) => kind)).toEqual(["passkey_added", "password_closed"]);
    expect(told[1]?.[0]).toEqual({ id: user.id, name: "Jane Doe", email: user.email, emailVerified: false });
    expect(host.log.filter((line) => line.includes("could not be told"))).toHaveLength(2);
    const undo = told[1]?.[1].undo as string;
    expect(undo.startsWith(`${host.issuer}/undo/`)).toBe(true);
    const elsewhere = host.browser();
    const page = await elsewhere.open(undo);
    expect(page.status, page.text).toBe(200);
    const [, action = ""] = /action="([^"]*\/undo\/[^"]+)"/.exec(page.text) ?? [];
    expect((await elsewhere.submit(action)).status).toBe(200);
    expect((await document())?.passkeys.map(({ state }) => state)).toEqual(["suspended"]);
    const thief = host.browser(browser.authenticator);
    const refused = await thief.perform(await thief.open(`${path}/sign-in`));
    expect(said(refused)).toEqual([401, "authentication_failed"]);
  });

  it("is never asked for again, also where the host would still say yes", async () => {
    host.users.dropping = () => false;
    await convert();
    expect(user.password).toBe(PASSWORD);
    const asked = host.users.asked.length;
    const thief = host.browser();
    expect(said(await type(thief, await thief.open(`${path}/sign-in`)))).toEqual([
      401,
      "authentication_failed",
    ]);
    expect(host.users.asked).toHaveLength(asked);
  });
});

describe.each(stores)("a host's password over $name", (kind) => {
  let store: OpenStore;
  let host: Host;
  let users: Users;
  const running: Host[] = [];

  beforeAll(async () => {
    store = await kind.open();
  });
  afterAll(() => store.close());
  beforeEach(async () => {
    users = new Users({ ...jane(), id: `person-${++number}`, login: `person${number}` });
    host = await start({ users });
  });
  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop();
  });

  async function start(o: Partial<HostOptions> = {}): Promise<Host> {
    const one = await startHost({ store: store.store, ...o });
    running.push(one);
    return one;
  }
  const user = () => users.rows[0] as NonNullable<(typeof users.rows)[number]>;
  const document = async (id = user().id) => {
    const found = await accountRecord.read(store.store, id);
    return found && accountRecord.decode(found.value as object);
  };
  const type = async (browser: Browser, password: string, username = user().login) =>
    browser.post("/sign-in/password?to=%2Faccount", { username, password });
  const said = (answer: Answer) => [answer.status, answer.json().code];

  async function convert(on = host): Promise<Browser> {
    const browser = on.browser();
    await browser.open("/sign-in");
    const answer = await type(browser, PASSWORD);
    const prove = await browser.complete(await browser.open(String(answer.json().location)));
    await browser.complete(prove);
    return browser;
  }

  it.each([
    ["says no", () => false],
    ["fails", () => Promise.reject(new Error("the database is away"))],
  ])("is owed when the host %s, and asked for until it is done; done, never again", async (_how, answer) => {
    users.dropping = answer;
    await convert();
    expect((await document())?.password).toMatchObject({ state: "closed" });
    expect(await host.keys.status()).toMatchObject({ closed: expect.any(Number), waiting: 1, passwords: 1 });
    expect(host.log.some((line) => line.includes("could not be dropped"))).toBe(true);

    users.dropping = undefined;
    expect(await host.keys.drop()).toBe(1);
    expect(user().password).toBeNull();
    expect(await host.keys.status()).toMatchObject({ waiting: 0, passwords: 0 });
    const asked = users.asked.length;
    expect(await host.keys.drop()).toBe(0);
    expect(users.asked).toHaveLength(asked);
  });

  it("stays owed when the process dies between the document and the host: another one asks", async () => {
    users.dropping = () => new Promise(() => {});
    const dying = convert();
    dying.catch(() => {});
    await vi.waitFor(async () => expect((await document())?.password?.state).toBe("closed"));
    users.dropping = undefined;
    const other = await start({ users });
    expect(await other.keys.drop()).toBe(1);
    expect(user().password).toBeNull();
  });

  it("SEC-138: that is verified while its account closes it opens nothing", async () => {
    await convert();
    const late = { ...user(), id: `late-${number}`, login: `late${number}`, password: PASSWORD };
    users.rows.push(late);
    const browser = host.browser();
    await browser.open("/sign-in");
    // The first sign-in makes the document; while the second is verified, the document closes the password.
    expect((await type(browser, PASSWORD, late.login)).status).toBe(200);
    const verify = vi.spyOn(users.passwords, "verifyPassword");
    verify.mockImplementation(async () => true);
    const closing = await startHost({
      store: store.store,
      users,
      options: {
        accounts: {
          ...users.directory,
          ...users.passwords,
          verifyPassword: async (id: string) => {
            const found = await accountRecord.read(store.store, id);
            const account = accountRecord.decode(found?.value as object);
            const closed = { ...account, password: { state: "closed" as const, since: Date.now() } };
            await store.store.write(accountRecord.key(id), accountRecord.encode(closed));
            return true;
          },
        },
      },
    });
    running.push(closing);
    const racing = closing.browser();
    await racing.open("/sign-in");
    expect(said(await type(racing, PASSWORD, late.login))).toEqual([401, "authentication_failed"]);
    verify.mockRestore();
  });

  it("SEC-61: every refusal is the same answer: wrong password, nobody, not a plain yes", async () => {
    const strange = await start({
      users,
      options: {
        accounts: { ...users.directory, ...users.passwords, verifyPassword: (() => ({})) as never },
      },
    });
    const answers = await Promise.all(
      [
        [host, user().login, "wrong"],
        [host, "nobody", PASSWORD],
        [strange, user().login, PASSWORD],
      ].map(async ([on, login, password]) => {
        const browser = (on as Host).browser();
        await browser.open("/sign-in");
        const answer = await type(browser, password as string, login as string);
        const { instance: _, ...body } = answer.json();
        return [answer.status, body];
      }),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]?.[0]).toBe(401);
    expect(await document()).toBeUndefined();
  });

  it("SEC-49: is guessed five times and no more, by whatever spelling, and its owner's passkey still signs in", async () => {
    const jane = await convert();
    const other = { ...user(), id: `guessed-${number}`, login: `guessed${number}`, password: PASSWORD };
    users.rows.push(other);
    const browser = host.browser();
    await browser.open("/sign-in");
    const tries = [];
    for (let i = 0; i < 7; i++) {
      const login = i % 2 ? other.login : ` ${other.login.toUpperCase()}`;
      tries.push(said(await type(browser, "wrong", login))[0]);
    }
    expect(tries).toEqual([401, 401, 401, 401, 401, 429, 429]);
    expect((await type(browser, PASSWORD, other.login)).status).toBe(429);
    expect((await jane.open("/account")).status).toBe(200);
  });

  it("has no box on the page, and no address, once the host has no passwords", async () => {
    const after = await start({ users, options: { accounts: users.directory } });
    const browser = after.browser();
    expect((await browser.open("/sign-in")).text).not.toContain("Use your password");
    expect((await type(browser, PASSWORD)).status).toBe(404);
    const before = host.browser();
    expect((await before.open("/sign-in")).text).toContain("Use your password");
    expect(await after.keys.status()).toMatchObject({ unknown: true });
  });

  it("of an account that the host removed opens nothing, nor does its passkey; forgotten, nothing of it is left", async () => {
    const browser = await convert();
    const { id } = user();
    const passkey = (await document(id))?.passkeys[0]?.id as string;
    users.rows.length = 0;
    const gone = host.browser(browser.authenticator);
    const answer = await gone.perform(await gone.open("/sign-in"));
    expect(said(answer)).toEqual([401, "authentication_failed"]);
    expect((await browser.open("/account")).url).toContain("/sign-in");
    await host.keys.forget(id);
    expect(await document(id)).toBeUndefined();
    for (const key of [`credential:${passkey}`] as const)
      await vi.waitFor(async () => expect(await store.store.read(key)).toBeUndefined());
    await host.keys.forget(id);
    const again = await gone.perform(await gone.open("/sign-in"));
    expect(again.json()).toMatchObject({ code: "authentication_failed", signal: "unknown" });
  });

  it("SEC-59, SEC-131: what began before everything of an account was ended is over, in the host's own storage too", async () => {
    const trusting = await start({ users, options: { firstParty: () => true } });
    const app = await trusting.app();
    const browser = await convert(trusting);
    const request = await app.request({ prompt: "none" });
    const { response } = await app.tokens(request, await browser.open(request.url));
    expect((await app.userinfo(response.access_token)).status).toBe(200);
    const found = (await document()) as NonNullable<Awaited<ReturnType<typeof document>>>;
    const ended = { ...found, endedBefore: Date.now() + 5000 };
    await store.store.write(accountRecord.key(found.id), accountRecord.encode(ended));
    expect((await app.userinfo(response.access_token)).status).toBe(401);
    const after = await app.request({ prompt: "none" });
    expect(app.error(after, await browser.open(after.url))).toBe("login_required");
    expect(ceremonyOf(await browser.open("/account")).kind).toBe("authentication");
  });
});
