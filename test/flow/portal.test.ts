/** The portal: which apps it shows to whom, where they lead, and how it ends. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { listLaunchableOnce } from "../../src/oidc/client/launchable.ts";
import { type Client, clientRecord } from "../../src/oidc/client/record.ts";
import { type Answer, type Browser, ceremonyOf } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { logoutReceiver } from "../support/receiver.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { stores } from "../support/stores.ts";

const HERE = "https://app.example.com";
const tiles = ({ text }: Answer) =>
  [...text.matchAll(/<a class="tile" href="([^"]*)"[^>]*>[\s\S]*?<bdi class="name">([^<]*)<\/bdi>/g)].map(
    ([, href = "", name = ""]) => ({ href: href.replaceAll("&amp;", "&"), name }),
  );
const names = (page: Answer) => tiles(page).map(({ name }) => name);

describe.each(stores)("the portal over $name", (kind) => {
  let running: Running;
  let jane: Browser;
  let sub: string;
  let app: RelyingParty;

  beforeAll(async () => {
    running = await startInstallation(kind);
    app = await running.app();
    jane = running.browser();
    sub = (await app.signUp(jane, { email: "jane@example.com" })).idToken.sub;
  });
  afterAll(() => running.stop());
  beforeEach(async () => {
    for (const { id } of await running.installation.clients.list())
      if (id.startsWith("portal-")) await running.installation.clients.remove(id);
  });

  let count = 0;
  const add = (name: string, options: object = {}) =>
    running.app({ id: `portal-${++count}`, name, clientUri: `${HERE}/`, ...options });
  const others = async (browser = jane) =>
    names(await browser.open("/apps")).filter((name) => name !== "Latchkey demo");

  it("is where / leads, by way of a sign-in page on this origin", async () => {
    for (const path of ["/", "/apps"]) {
      const browser = running.browser(jane.authenticator);
      const signIn = await browser.open(path);
      expect(new URL(signIn.url).origin).toBe(running.issuer);
      expect(ceremonyOf(signIn).kind).toBe("authentication");
      const page = await browser.complete(signIn);
      expect(page.url).toBe(`${running.issuer}/apps`);
      expect(page.text).toContain("<h1>Your apps</h1>");
    }
  });

  it("shows the demo app, which one click signs in to", async () => {
    const demo = tiles(await jane.open("/apps")).find(({ name }) => name === "Latchkey demo");
    const page = await jane.open(demo?.href ?? "");
    expect(page.url).toBe(`${running.issuer}/demo`);
    expect(page.text).toContain(sub);
  });

  it("shows apps in the order of their names in the language of the page, and says when there are none", async () => {
    for (const name of ["Zebra", "Öl", "app 10", "App 2", "apple"]) await add(name);
    expect(await others()).toEqual(["App 2", "app 10", "apple", "Öl", "Zebra"]);
    const german = await jane.open("/apps", { headers: { "accept-language": "de" } });
    expect(german.text).toContain("<h1>Ihre Apps</h1>");
  });

  it("leads to where an app starts a sign-in, with who asks and nothing else, or to its front page", async () => {
    await add("Starts", { initiateLoginUri: `${HERE}/start?tenant=1` });
    await add("Front", { clientUri: `${HERE}/front?a=b%20c` });
    const found = Object.fromEntries(
      tiles(await jane.open("/apps")).map(({ name, href }) => [name, new URL(href)]),
    );
    expect([...(found.Starts?.searchParams ?? [])]).toEqual([
      ["tenant", "1"],
      ["iss", running.issuer],
    ]);
    expect(found.Front?.href).toBe(`${HERE}/front?a=b%20c`);
    await add("Machine", { kind: "machine", clientUri: `${HERE}/` });
    await add("Nowhere", { clientUri: undefined });
    expect(await others()).toEqual(["Front", "Starts"]);
  });

  it("SEC-102 shows an app to members of its groups alone, and has no address that would tell of the others", async () => {
    const board = await add("Board", { groups: ["board"] });
    await add("Everybody");
    expect(await others()).toEqual(["Everybody"]);
    for (const id of [board.client.client_id, "nobody"])
      expect((await jane.open(`/apps/${id}`)).status).toBe(404);
    await running.installation.accounts.joinGroup(sub, "board");
    expect(await others()).toEqual(["Board", "Everybody"]);
    await running.installation.accounts.leaveGroup(sub, "board");
    expect(await others()).toEqual(["Everybody"]);
  });

  it("sees an app come, change and go within a second, whoever changed it", async () => {
    const { client } = await add("Wiki");
    const { clients } = running.installation;
    const id = client.client_id;
    expect(await others()).toEqual(["Wiki"]);
    await clients.update(id, { name: "Pages" });
    await expect.poll(() => others(), { timeout: 1500 }).toEqual(["Pages"]);
    await clients.update(id, { clientUri: null });
    await expect.poll(() => others(), { timeout: 1500 }).toEqual([]);
    await clients.update(id, { initiateLoginUri: `${HERE}/start` });
    await expect.poll(() => others(), { timeout: 1500 }).toEqual(["Pages"]);
    await clients.remove(id);
    await expect.poll(() => others(), { timeout: 1500 }).toEqual([]);
  });

  it("shows names as text, whatever they hold, in a frame of their own", async () => {
    await add('<img src=x onerror="alert(1)">');
    await add("\u200fevil");
    const page = await jane.open("/apps");
    expect(page.text).not.toContain("<img");
    expect(page.text).toContain('<bdi class="name">&lt;img src=x');
    expect(page.text).toContain('<bdi class="name">\u200fevil</bdi>');
  });

  it("SEC-101 makes no link of an address that must not be one, whoever wrote it", async () => {
    const { client } = await add("Planted");
    const { store } = running.store;
    const key = clientRecord.key(client.client_id);
    for (const clientUri of ["javascript:alert(1)", "data:text/html,x", "//evil.example", "java\tscript:x"]) {
      const stored = await store.read<Client>(key);
      await store.write(key, { ...stored?.value, clientUri, initiateLoginUri: clientUri });
      await expect.poll(() => others(), { timeout: 1500 }).toEqual([]);
    }
    const stored = await store.read<Client>(key);
    await store.write(key, { ...stored?.value, initiateLoginUri: undefined, clientUri: `${HERE}/` });
    await expect.poll(() => others(), { timeout: 1500 }).toEqual(["Planted"]);
  });

  it("SEC-81 SEC-82 is in nobody's frame and in nobody's memory", async () => {
    const { headers } = await jane.open("/apps");
    expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    expect(headers.get("content-security-policy")).toContain("img-src 'self' data:;");
    expect(headers.get("cache-control")).toBe("no-store");
    expect((await jane.open("/apps")).text).not.toMatch(/<script(?![^>]*src="\/assets\/)/);
  });

  it("finds the apps of a store that was written before there was a portal", async () => {
    const { client } = await add("Old");
    const { store } = running.store;
    await store.leave("launchable:all", client.client_id);
    expect(await others()).toEqual([]);
    await listLaunchableOnce(store);
    expect(await others()).toEqual([]);
    await store.remove("launchableset:all");
    await listLaunchableOnce(store);
    expect(await others()).toEqual(["Old"]);
  });

  it("and the account page lead to one another, and both sign out", async () => {
    expect((await jane.open("/account")).text).toContain('<a href="/apps">Your apps</a>');
    const page = await jane.open("/apps");
    expect(page.text).toContain('<a href="/account">');
    for (const { text } of [page, await jane.open("/account")])
      expect(text).toMatch(
        /<form method="post" action="\/account\/sign-out">\s*<button type="submit">Sign out</,
      );
  });

  it("signs out of the apps that were opened, too: they are told, and their tokens end", async () => {
    const receiver = await logoutReceiver();
    const told = await add("Told", { backchannelLogoutUri: receiver.url });
    const browser = running.browser(jane.authenticator);
    await browser.complete(await browser.open("/"));
    const { response, idToken } = await told.signIn(browser, { prompt: "none" });
    expect((await told.userinfo(response.access_token)).status).toBe(200);
    expect((await browser.submit("/account/sign-out")).text).toContain("signed out");
    await expect.poll(() => receiver.told.length).toBe(1);
    expect(idToken.sub).toBe(sub);
    expect((await told.userinfo(response.access_token)).status).toBe(401);
    expect(ceremonyOf(await browser.open("/apps")).kind).toBe("authentication");
    receiver.close();
  });
});
