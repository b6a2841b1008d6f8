/** The first owner of an installation, and what outlives a restart. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { isRefusal } from "../../src/errors.ts";
import type { Store } from "../../src/store/store.ts";
import type { Browser } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { override } from "../support/override.ts";
import { stores } from "../support/stores.ts";

const fields = { name: "Ada Owner", email: "ada@example.com" };
const HOUR = 60 * 60 * 1000;

describe.each(stores)("the first run over $name", (kind) => {
  let running: Running;
  let ada: Browser;
  const lifetimes = new Map<string, number | undefined>();

  /** Remembers how long what is written lives. */
  const watched = (store: Store) =>
    override(store, {
      write: (key, value, options) => {
        lifetimes.set(key, options?.ttl);
        return store.write(key, value, options);
      },
    });

  beforeEach(async () => {
    running = await startInstallation(kind, {}, { wrap: watched });
    ada = running.browser();
  });
  afterEach(() => running.stop());

  async function people() {
    const found = [];
    for await (const account of running.installation.accounts.list()) found.push(account);
    return found;
  }

  it("SEC-134 the setup link makes the owner once, and looking at it does not use it up", async () => {
    const { url } = await running.setup.issue();
    await ada.open(url);
    await running.browser().open(url);
    expect(await people()).toEqual([]);
    const home = await ada.complete(await ada.open(url), fields);
    expect(home).toMatchObject({ status: 200, url: `${running.issuer}/account` });
    expect(home.text).toContain("Ada Owner");
    expect(await people()).toMatchObject([{ username: "ada", groups: ["administrators"], state: "active" }]);

    const again = await ada.open(url);
    expect(again.status).toBe(404);
    expect(again.text).toContain("setup_link_invalid");
    await expect(running.setup.issue()).rejects.toSatisfy((error) => isRefusal(error, "owner_exists"));
  });

  it("SEC-106 SEC-134 twenty racers with one link give one owner, and nothing of the others", async () => {
    const { url } = await running.setup.issue();
    const racers = Array.from({ length: 20 }, () => running.browser());
    const pages = await Promise.all(racers.map((racer) => racer.open(url)));
    const answers = await Promise.all(
      racers.map((racer, n) =>
        racer.perform(pages[n] as (typeof pages)[0], { name: `Racer ${n}`, email: `r${n}@example.com` }),
      ),
    );
    const [winners, losers] = [
      answers.filter(({ status }) => status === 200),
      answers.filter(({ status }) => status !== 200),
    ];
    expect(winners).toHaveLength(1);
    for (const loser of losers) expect(["owner_exists", "setup_link_invalid"]).toContain(loser.json().code);
    expect(await people()).toHaveLength(1);
    const inside = await Promise.all(racers.map((racer) => racer.request("/account")));
    expect(inside.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it("a newer link replaces an older one; a link lives for an hour", async () => {
    const older = await running.setup.issue();
    const newer = await running.setup.issue();
    expect((await ada.open(older.url)).status).toBe(404);
    expect((await ada.open(newer.url)).status).toBe(200);
    expect(lifetimes.get("setup:token")).toBe(HOUR);
    await running.store.store.remove("setup:token");
    expect((await ada.open(newer.url)).text).toContain("setup_link_invalid");
  });

  it("a link that dies while its page is open makes no owner", async () => {
    const { url } = await running.setup.issue();
    const page = await ada.open(url);
    await running.store.store.remove("setup:token");
    const refused = await ada.perform(page, fields);
    expect([refused.status, refused.json().code]).toEqual([404, "setup_link_invalid"]);
    expect(await people()).toEqual([]);
    const { url: next } = await running.setup.issue();
    expect((await ada.complete(await ada.open(next), fields)).status).toBe(200);
  });

  it("a restart on the same data keeps account, passkey, session and signing keys", async () => {
    const { url } = await running.setup.issue();
    await ada.complete(await ada.open(url), fields);
    const jwks = (await ada.request("/jwks")).json();
    const app = await running.app();
    const { idToken } = await app.signIn(ada);
    await running.restart();
    expect((await ada.request("/jwks")).json()).toEqual(jwks);
    expect((await ada.request("/account")).status).toBe(200);
    const elsewhere = await app.signIn(running.browser(ada.authenticator));
    expect(elsewhere.idToken.sub).toBe(idToken.sub);
    expect((await ada.open(url)).status).toBe(404);
  });
});
