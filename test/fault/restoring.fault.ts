/** F24: a backup that is restored into what Sentinel watches, and into a cluster: empty ones first, then living ones. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import "../support/prototypes.ts";
import { accountRecord } from "../../src/account/account.ts";
import { connectStore } from "../../src/store/connect.ts";
import { slotOf } from "../../src/store/redis/slot.ts";
import { SoftwareAuthenticator } from "../../src/testing.ts";
import { type Operator, operator } from "../command/operator.ts";
import type { Browser } from "../support/browser.ts";
import { typePassword } from "../support/conversion.ts";
import { imported } from "../support/imported.ts";
import { type Running, SECRET, startInstallation } from "../support/installation.ts";
import { withoutRedis } from "../support/redis.ts";
import { RelyingParty } from "../support/relying-party.ts";
import { type StoreKind, stores } from "../support/stores.ts";
import { startCluster, startSentinelSet, type Topology } from "../support/topologies.ts";
import { furnish, openAt, passkey } from "../transfer/house.ts";

const [embedded] = stores as [StoreKind];

type Target = Pick<Topology, "url" | "stop">;

async function startEmbedded(): Promise<Target> {
  const { url, close } = await embedded.open();
  return { url, stop: close };
}

const targets: [string, () => Promise<Target>][] = [
  ["an embedded store, the control", startEmbedded],
  ["a set that Sentinel watches", startSentinelSet],
  ["a cluster", startCluster],
];

/** A server on a store that others have filled. */
function serving(url: string): Promise<Running> {
  const open = async () => {
    const store = await connectStore(url);
    return { store, url, reopen: () => connectStore(url), close: () => store.close() };
  };
  return startInstallation({ name: url.startsWith("lmdb:") ? "lmdb" : "redis", open });
}

type Person = { authenticator: SoftwareAuthenticator; id: string };

/** What a way in that somebody types is answered with. */
async function recovered({ browser }: Running, username: string, code: string): Promise<number> {
  return (await browser().post("/sign-in/recover", { username, code })).status;
}

async function typed({ browser }: Running, username: string): Promise<number> {
  const visitor = browser();
  return (await typePassword(visitor, await visitor.open("/sign-in"), username)).status;
}

describe.skipIf(withoutRedis).each(targets)("F24 a backup that is restored into %s", (_, start) => {
  let target: Target;
  let admin: Operator;
  let keeper: Operator;
  let there: Running;
  let app: RelyingParty;
  const person = (): Person => ({ authenticator: new SoftwareAuthenticator(), id: "" });
  const people = { jane: person(), joan: person(), jim: person(), jack: person() };
  const jane = { ...people.jane, code: "", pass: "", cookies: [] as Browser["cookies"] };
  /** Have an old password each, and one a passkey besides. */
  const legacy = { old: "", both: "" };

  beforeAll(async () => {
    const source = await startInstallation(embedded);
    keeper = operator({ LATCHKEY_STORE: source.store.url, LATCHKEY_SECRET: SECRET });
    const { accounts, invitations } = source.installation;
    app = await source.app();
    for (const [username, who] of Object.entries(people))
      who.id = (await app.signUp(source.browser(who.authenticator), { username })).idToken.sub;
    const browser = source.browser(jane.authenticator);
    await app.signIn(browser);
    const shown = await browser.complete(await browser.submit("/account/recovery-codes"));
    jane.code = /<code>([^<]+)<\/code>/.exec(shown.text)?.[1] ?? "";
    jane.cookies = browser.cookies;
    jane.pass = (await accounts.issuePass(people.jane.id, { ttl: 600_000, by: "cli" })).pass;
    await invitations.issue({}, 600_000);
    for (const username of ["old", "both"] as const)
      legacy[username] = (await imported(source, { username })).id;
    await accounts.addPasskey(legacy.both, { ...passkey("both"), addedBy: "conversion" });
    const made = await keeper.run("store", "backup", "all.backup", "--with-passwords", "--json");
    expect(made.code, made.err).toBe(0);
    // The control: where it was made each of these opens something, and what works once is used up there now.
    expect((await browser.request("/account")).status).toBe(200);
    expect(await recovered(source, "jane", jane.code)).toBe(200);
    expect(await recovered(source, "jane", jane.pass)).toBe(200);
    expect([await typed(source, "old"), await typed(source, "both")]).toEqual([200, 200]);
    await source.stop();
    target = await start();
    admin = operator({ LATCHKEY_STORE: target.url, LATCHKEY_SECRET: SECRET });
  }, 120_000);
  afterAll(async () => {
    await there?.stop();
    admin.remove();
    keeper.remove();
    await target.stop();
  });

  async function done(...words: string[]) {
    const { code, err, out, json } = await admin.run(...words, "--json");
    expect(code, err + out).toBe(0);
    return json();
  }
  const restore = () => done("store", "restore", join(keeper.cwd, "all.backup"), "--yes");
  const isSound = async () => expect(await done("store", "verify")).toMatchObject({ ok: true, found: 0 });
  const signsIn = async ({ authenticator }: Person) => {
    const visitor = there.browser(authenticator);
    return (await visitor.perform(await visitor.open((await app.request()).url))).status;
  };

  test("empty: people and apps are who they were, nobody is signed in, and what works once is void", async () => {
    expect(await restore()).toMatchObject({
      ...{ restored: true, accounts: 6, kept: 0, refused: [] },
      passwords: { restored: 1, dropped: 1 },
    });
    await isSound();
    there = await serving(target.url);
    app = await RelyingParty.known(there.issuer, app.client.client_id, app.secret ?? "", app.redirectUri);
    for (const who of Object.values(people))
      expect((await app.signIn(there.browser(who.authenticator))).idToken.sub).toBe(who.id);
    const visitor = there.browser();
    visitor.cookies = jane.cookies;
    expect((await visitor.request("/account")).status).toBe(303);
    expect(await recovered(there, "jane", jane.code)).toBe(401);
    expect(await recovered(there, "jane", jane.pass)).toBe(401);
    const fresh = await there.installation.accounts.issuePass(people.jane.id, { ttl: 600_000, by: "cli" });
    expect(await recovered(there, "jane", fresh.pass)).toBe(200);
    for await (const { entries } of there.store.store.scan("invitation")) expect(entries).toEqual([]);
    expect([await typed(there, "old"), await typed(there, "both")]).toEqual([200, 401]);
    await isSound();
  });

  test("SEC-46 living: what is missing comes back, what was closed, dropped, disabled and deleted does not", async () => {
    const { store } = there.store;
    const codes = ["AAAA-BBBB-CCCC-DDDD-EEEE-FFFF-GG"];
    await there.installation.accounts.setRecoveryCodes(people.jane.id, codes);
    const before = await accountRecord.read(store, people.jane.id);
    await done("accounts", "delete", "jim", "--yes");
    await done("accounts", "disable", "joan");
    await done("passwords", "drop", "--all", "--yes");
    // A loss: the document of one, and the name of another.
    await store.remove(accountRecord.key(people.jack.id));
    await store.remove("username:both");
    const jess = (await app.signUp(there.browser(), { username: "jess" })).idToken.sub;

    expect(await restore()).toMatchObject({
      ...{ restored: true, accounts: 1, kept: 4, refused: [] },
      passwords: { restored: 0, dropped: 2 },
    });
    await isSound();
    expect(await accountRecord.read(store, people.jane.id)).toEqual(before);
    expect(await accountRecord.read(store, people.jim.id)).toBeUndefined();
    expect(await store.read(`password:${legacy.old}`)).toBeUndefined();
    expect([await signsIn(people.jim), await signsIn(people.joan), await typed(there, "old")]).toEqual([
      401, 401, 401,
    ]);
    expect((await app.signIn(there.browser(people.jack.authenticator))).idToken.sub).toBe(people.jack.id);
    expect(await done("accounts", "show", "jess")).toMatchObject({ id: jess });
    expect(await done("accounts", "show", "both")).toMatchObject({ id: legacy.both });
    // The control: enabled again, she comes in.
    await done("accounts", "enable", "joan");
    expect(await signsIn(people.joan)).toBe(200);
  });

  test("sealed: no password comes back, and it stays sealed", async () => {
    await done("passwords", "seal", "--yes");
    const restored = await restore();
    expect(restored).toMatchObject({ accounts: 0, passwords: { restored: 0, dropped: 2 } });
    expect(await done("passwords", "status")).toMatchObject({ sealed: true, password_only: 0 });
    for await (const { entries } of there.store.store.scan("password")) expect(entries).toEqual([]);
    await isSound();
  });
});

/** What is brought into a cluster is acknowledged for every master, not only for the one that has the last word. */
describe.skipIf(withoutRedis)("F24 a cluster of which one master has lost its replica", () => {
  const SLOTS = [0, 6_000, 12_000];

  test("takes no copy and no restore as done, until it is back", async () => {
    const [cluster, source] = await Promise.all([startCluster(), embedded.open()]);
    const admin = operator({ LATCHKEY_STORE: source.url, LATCHKEY_SECRET: SECRET });
    const restorer = operator({ LATCHKEY_STORE: cluster.url, LATCHKEY_SECRET: SECRET });
    try {
      const house = await openAt(source.url);
      await furnish(house);
      await house.close();
      expect((await admin.run("store", "backup", "all.backup")).code).toBe(0);
      const last = await cluster.owners(slotOf("latchkey:meta:store"));
      const masters = await Promise.all(SLOTS.map((slot) => cluster.owners(slot)));
      const other = masters.find(({ master }) => master !== last.master);
      other?.replica?.pause();
      const restore = () =>
        restorer.run("store", "restore", join(admin.cwd, "all.backup"), "--yes", "--json");
      const copy = () => admin.run("store", "copy", source.url, cluster.url, "--yes", "--json");
      const copied = await copy();
      expect(copied.code).toBe(1);
      expect(copied.json()).toMatchObject({ code: "store_not_durable" });
      await (await openAt(source.url)).close();
      const store = await connectStore(cluster.url);
      expect(await store.read("meta:store")).toBeUndefined();
      other?.replica?.resume();
      await vi.waitFor(async () => expect((await copy()).code).toBe(0), { timeout: 60_000 });
      expect((await restorer.run("store", "verify")).code).toBe(0);
      await store.close();
      expect((await restore()).code).toBe(0);
    } finally {
      admin.remove();
      restorer.remove();
      await Promise.all([cluster.stop(), source.close()]);
    }
  });
});
