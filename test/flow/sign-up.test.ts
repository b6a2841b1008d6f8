/** Creating an account on the way to an app. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { type Browser, ceremonyOf } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { scene } from "../support/scene.ts";
import { stores } from "../support/stores.ts";

describe.each(stores)("a sign-up over $name", (kind) => {
  const here = scene(kind);

  async function createPage(browser: Browser) {
    const request = await here.app.request({ prompt: "create" });
    return { request, page: await browser.open(request.url) };
  }

  async function usernames() {
    const found = [];
    for await (const { username } of here.running.installation.accounts.list()) found.push(username);
    return found.sort(); // a walk has no order
  }

  it("is asked for with prompt=create, which discovery says", async () => {
    expect(here.app.as.prompt_values_supported).toEqual(["none", "login", "consent", "create"]);
    const { request, page } = await createPage(here.running.browser());
    const { kind: ceremony, options } = ceremonyOf(page);
    expect(ceremony).toBe("registration");
    expect(Buffer.from(options.user.id, "base64url")).toHaveLength(32);
    expect(options.authenticatorSelection).toMatchObject({
      residentKey: "required",
      userVerification: "required",
    });
    expect(options.pubKeyCredParams.map(({ alg }: { alg: number }) => alg)).toEqual([-7, -8, -257]);
    expect(request.url).toContain("prompt=create");
  });

  it("is linked from the sign-in page, and leads back to it", async () => {
    const kim = here.running.browser();
    const request = await here.app.request();
    const signIn = await kim.open(request.url);
    const link = /href="(\/interaction\/[^"]+\/register)"/.exec(signIn.text)?.[1] ?? "";
    const create = await kim.open(link);
    expect(ceremonyOf(create).kind).toBe("registration");
    const back = /href="(\/interaction\/[^"]+\/sign-in)"/.exec(create.text)?.[1] ?? "";
    expect(ceremonyOf(await kim.open(back)).kind).toBe("authentication");
    const tokens = await here.app.tokens(
      request,
      await kim.complete(await kim.open(link), { email: "kim@example.com" }),
    );
    expect(tokens.idToken).toMatchObject({ acr: "phr", nonce: request.nonce });
  });

  it("derives a username that is unique, and refuses a chosen one that is taken", async () => {
    await here.app.signUp(here.running.browser(), { email: "alex@example.com" });
    await here.app.signUp(here.running.browser(), { email: "alex@example.org" });
    const names = (await usernames()).filter((name) => name.startsWith("alex"));
    expect(names).toHaveLength(2);
    expect(new Set(names).size).toBe(2);

    const sam = here.running.browser();
    const taken = await sam.perform((await createPage(sam)).page, {
      email: "sam@example.com",
      username: "ALEX",
    });
    expect([taken.status, taken.json().code]).toEqual([409, "username_taken"]);
    const { request, page } = await createPage(sam);
    const { idToken } = await here.app.tokens(
      request,
      await sam.complete(page, { email: "sam@example.com", username: "alexis" }),
    );
    expect((await here.running.installation.accounts.find(idToken.sub))?.value.username).toBe("alexis");
  });

  it("leaves nothing behind when it is not finished", async () => {
    const before = await usernames();
    const lee = here.running.browser();
    const { page } = await createPage(lee);
    const refused = await lee.perform(page, { email: "lee@example.com" }, { userVerified: false });
    expect([refused.status, refused.json().code]).toEqual([400, "registration_refused"]);
    expect(await usernames()).toEqual(before);
    expect(await here.running.installation.accounts.findByLogin("lee")).toBeUndefined();
    expect((await lee.request("/account")).status).toBe(303);
    const { page: again } = await createPage(lee);
    expect((await lee.perform(again, { email: "lee@example.com" })).status).toBe(200);
    expect(await usernames()).toEqual(expect.arrayContaining(["lee"]));
  });

  it.each([
    ["an address that is none", { email: "nobody" }, "email_invalid"],
    ["a username with a space", { email: "a@example.com", username: "a b" }, "username_invalid"],
    ["a name with a line break", { email: "a@example.com", name: "a\nb" }, "name_invalid"],
    [
      "SEC-107 a member that is not its own to set",
      { email: "a@example.com", groups: ["administrators"] },
      "request_invalid",
    ],
  ])("refuses %s and makes no account", async (_title, fields: Record<string, unknown>, code) => {
    const before = await usernames();
    const max = here.running.browser();
    const refused = await max.perform((await createPage(max)).page, fields as Record<string, string>);
    expect([refused.status, refused.json().code]).toEqual([400, code]);
    expect(await usernames()).toEqual(before);
  });

  it("SEC-140 over a session it says whose, ends that session with its grants, and begins the new one", async () => {
    const jane = here.running.browser();
    const old = await here.app.signUp(jane, { name: "Jane <Doe>", email: "jane@example.com" });
    const other = here.running.browser(jane.authenticator);
    other.cookies = [...jane.cookies];
    expect((await here.app.userinfo(old.response.access_token)).status).toBe(200);

    const { request, page } = await createPage(jane);
    expect(page.text).toContain("Jane &lt;Doe&gt;");
    const tokens = await here.app.tokens(request, await jane.complete(page, { email: "second@example.com" }));
    expect(tokens.idToken.sub).not.toBe(old.idToken.sub);
    expect((await jane.request("/account")).text).toContain("second@example.com");
    expect((await other.request("/account")).status).toBe(303);
    expect((await here.app.userinfo(old.response.access_token)).status).toBe(401);
    expect((await here.app.userinfo(tokens.response.access_token)).status).toBe(200);
  });

  it("SEC-140 over a session that nobody ends, a page that was only looked at changes nothing", async () => {
    const jack = here.running.browser();
    const { response } = await here.app.signUp(jack, { email: "jack@example.com" });
    await createPage(jack);
    expect((await jack.request("/account")).text).toContain("jack@example.com");
    expect((await here.app.userinfo(response.access_token)).status).toBe(200);
  });
});

describe.each(["closed", "invite"] as const)("where sign-up is %s", (signUp) => {
  let running: Running;
  let app: RelyingParty;

  beforeAll(async () => {
    running = await startInstallation(stores[0] as (typeof stores)[0], { signUp });
    app = await running.app();
  });
  afterAll(() => running.stop());

  it("no page offers it, and neither page nor post does it", async () => {
    const eve = running.browser();
    const signIn = await eve.open((await app.request()).url);
    expect(signIn.text).not.toContain("/register");
    const { pathname } = new URL(signIn.url);
    const [page, prompted] = [
      await eve.open(`${pathname}/register`),
      await eve.open((await app.request({ prompt: "create" })).url),
    ];
    for (const refused of [page, prompted]) {
      expect(refused.status).toBe(403);
      expect(refused.text).toContain("sign_up_closed");
    }
    const posted = await eve.post(`${pathname}/register`, { response: {}, email: "eve@example.com" });
    expect([posted.status, posted.json().code]).toEqual([403, "sign_up_closed"]);
  });

  it("the owner's link still works, and the owner signs in", async () => {
    const { url } = await running.setup.issue();
    const ada = running.browser();
    await ada.complete(await ada.open(url), { email: "ada@example.com" });
    expect((await app.signIn(running.browser(ada.authenticator))).idToken.acr).toBe("phr");
  });
});
