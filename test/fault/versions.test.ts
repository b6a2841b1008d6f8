/** F17: what a newer and an older version leave in a store that they share. The rules of one record: `test/migrate`. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accountRecord } from "../../src/account/account.ts";
import { ceremonyRecord } from "../../src/passkey/ceremony.ts";
import type { Browser } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import type { RelyingParty } from "../support/relying-party.ts";
import { stores } from "../support/stores.ts";

type Document = Record<string, unknown> & { passkeys: Record<string, unknown>[] };

describe.each(stores)("F17 versions side by side on $name", (kind) => {
  let running: Running;
  let app: RelyingParty;
  let count = 0;
  beforeAll(async () => {
    running = await startInstallation(kind);
    app = await running.app();
  });
  afterAll(() => running.stop());

  async function person(): Promise<{ browser: Browser; key: ReturnType<typeof accountRecord.key> }> {
    const browser = running.browser();
    const { idToken } = await app.signUp(browser, { username: `person${++count}` });
    return { browser, key: accountRecord.key(idToken.sub) };
  }
  const { read, write } = {
    read: async (key: ReturnType<typeof accountRecord.key>) =>
      (await running.store.store.read<Document>(key))?.value as Document,
    write: (key: ReturnType<typeof accountRecord.key>, value: object) =>
      running.store.store.write(key, value),
  };
  const status = async ({ authenticator }: Browser) => {
    const visitor = running.browser(authenticator);
    return (await visitor.perform(await visitor.open((await app.request()).url))).status;
  };

  test("what a newer one wrote beside is kept by a change of this one", async () => {
    const { browser, key } = await person();
    const before = await read(key);
    const passkeys = before.passkeys.map((passkey) => ({ ...passkey, novelty: "kept" }));
    await write(key, { ...before, passkeys, novelty: { of: ["the", "next"] } });
    expect(await status(browser)).toBe(200);
    await running.installation.accounts.joinGroup(String(before.id), "crew");
    const after = await read(key);
    expect(after).toMatchObject({ groups: ["crew"], novelty: { of: ["the", "next"] } });
    expect(after.passkeys).toMatchObject([{ novelty: "kept" }]);
  });

  test("an account as the first version wrote it signs in", async () => {
    const { browser, key } = await person();
    const { schema: _, ...before } = await read(key);
    const passkeys = before.passkeys.map(({ addedBy: __, ...passkey }) => passkey);
    await write(key, { ...before, passkeys, schema: 1 });
    expect(await status(browser)).toBe(200);
  });

  test("one that this version would misread lets nobody in, and is left as it is", async () => {
    const { browser, key } = await person();
    const before = { ...(await read(key)), schema: 99, reader: 99 };
    await write(key, before);
    expect(await status(browser)).toBeGreaterThanOrEqual(400);
    expect(await read(key)).toEqual(before);
  });

  test("a challenge without a term is judged as strictly as with it", async () => {
    const { browser } = await person();
    const attempt = async (overrides: object) => {
      const visitor = running.browser(browser.authenticator);
      const page = await visitor.open((await app.request()).url);
      for await (const { entries } of running.store.store.scan(ceremonyRecord.kind)) {
        for (const { key, value } of entries) {
          const { live, ...rest } = value as { live: Record<string, unknown>[] };
          const without = live.map(({ challenge, browser: held, action, issued }) => ({
            challenge,
            browser: held,
            action,
            issued,
          }));
          await running.store.store.write(key, { ...rest, live: without }, { ttl: 60_000 });
        }
      }
      return (await visitor.perform(page, {}, overrides)).status;
    };
    expect(await attempt({ userVerified: false })).toBe(401);
    expect(await attempt({})).toBe(200);
  });
});
