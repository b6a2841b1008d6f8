/** An owner removes a password: the operator's rule says what must be left, and the page names what is missing. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../support/prototypes.ts";
import { readVerifier } from "../../src/password/verifiers.ts";
import { SoftwareAuthenticator } from "../../src/testing.ts";
import { type Browser, ceremonyOf } from "../support/browser.ts";
import { imported } from "../support/imported.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { stores } from "../support/stores.ts";

const ELSEWHERE = "00000000-0000-0000-0000-0000000000e1";

describe.each(stores)("removing a password over $name", (kind) => {
  let running: Running;

  beforeAll(async () => {
    running = await startInstallation(kind, {
      groups: {
        careful: { passwords: { removal: "strict" } },
        helped: { passwords: { removal: "synced" } },
        codeless: { recovery: { codes: false } },
      },
    });
  });
  afterAll(() => running.stop());

  const account = async (id: string) => (await running.installation.accounts.find(id))!.value;

  /** Somebody with a password and one synced passkey, signed in with it. */
  async function owner(groups: string[]) {
    const { id } = await imported(running, { groups });
    const invited = await running.installation.invitations.issue({ account: id }, 60_000);
    const browser = running.browser();
    await browser.complete(await browser.open(`/invite/${invited.token}`));
    return { id, browser };
  }

  /** What the guard's page leads to, in its order, and how it says that it is needed. */
  async function guard(browser: Browser) {
    const page = await browser.submit("/account/password/remove");
    expect(page.text).toContain("Before your password goes");
    const ways = [...page.text.matchAll(/action="\/account\/([^"]+)"/g)].map(([, to]) => to);
    const needs = /So first (both|one) of these/.exec(page.text)?.[1];
    return { ways, needs };
  }

  async function addElsewhere(browser: Browser): Promise<void> {
    const { action, options } = ceremonyOf(
      await browser.complete(await browser.submit("/account/passkeys/add")),
    );
    const device = new SoftwareAuthenticator({ aaguid: ELSEWHERE });
    expect((await browser.post(action, { response: device.create(options, running.issuer) })).status).toBe(
      200,
    );
  }

  async function makeCodes(browser: Browser): Promise<void> {
    expect((await browser.complete(await browser.submit("/account/recovery-codes"))).text).toContain(
      "recovery codes",
    );
  }

  async function remove(browser: Browser, id: string): Promise<void> {
    const removed = await browser.complete(await browser.submit("/account/password/remove"));
    expect(removed.text).toContain("Password removed");
    expect((await account(id)).password?.state).toBe("closed");
    expect(await readVerifier(running.store.store, id)).toBeUndefined();
  }

  it("by the built-in rule: a further passkey or codes, and either opens the way", async () => {
    const [kim, lee] = [await owner([]), await owner([])];
    expect(await guard(kim.browser)).toEqual({ ways: ["passkeys/add", "recovery-codes"], needs: "one" });
    await makeCodes(kim.browser);
    await remove(kim.browser, kim.id);
    await addElsewhere(lee.browser);
    await remove(lee.browser, lee.id);
  });

  it("by the strict rule, also where a milder group is there: both, and one alone is not enough", async () => {
    const { id, browser } = await owner(["helped", "careful"]);
    expect(await guard(browser)).toEqual({ ways: ["passkeys/add", "recovery-codes"], needs: "both" });
    await makeCodes(browser);
    expect(await guard(browser)).toEqual({ ways: ["passkeys/add"], needs: undefined });
    await addElsewhere(browser);
    await remove(browser, id);
  });

  it("by the mild rule: the synced passkey that is there", async () => {
    const { id, browser } = await owner(["helped"]);
    await remove(browser, id);
  });

  it("leads to no recovery codes where they open nothing, and does not count them", async () => {
    const { id, browser } = await owner(["codeless"]);
    await running.installation.accounts.setRecoveryCodes(id, ["00000-00000-00000-00000-00000-0"]);
    expect(await guard(browser)).toEqual({ ways: ["passkeys/add"], needs: undefined });
    await addElsewhere(browser);
    await remove(browser, id);
  });

  it("SEC-42 decides by the groups of the moment, not of the page that asked", async () => {
    const { id, browser } = await owner(["helped"]);
    const page = await browser.submit("/account/password/remove");
    await running.installation.accounts.joinGroup(id, "careful");
    const refused = await browser.perform(page);
    expect([refused.status, refused.json()]).toMatchObject([
      409,
      { code: "ways_missing", missing: ["other_passkey", "recovery_codes"], needs: "all" },
    ]);
    expect((await account(id)).password?.state).toBe("open");
    await running.installation.accounts.leaveGroup(id, "careful");
    await remove(browser, id);
  });
});
