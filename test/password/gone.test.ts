/** After a conversion and a purge: the password, its hash and what opened it are nowhere, and nothing brings it back. */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { hashSync } from "@node-rs/bcrypt";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Account, accountRecord } from "../../src/account/account.ts";
import { day } from "../../src/clock.ts";
import { importRow } from "../../src/import/importer.ts";
import { intake } from "../../src/password/intake.ts";
import { readKey, type Safe } from "../../src/password/keys.ts";
import { purge } from "../../src/password/purge.ts";
import {
  keyIdOf,
  openVerifier,
  readVerifier,
  type Verifier,
  verifierRecord,
} from "../../src/password/verifiers.ts";
import { passwordSafe } from "../../src/password-room.ts";
import type { Answer, Browser } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { stores } from "../support/stores.ts";

const PASSWORD = `canary-${randomBytes(12).toString("hex")}`;
const HASH = hashSync(PASSWORD, { cost: 4 });
const row = { username: "jane", emailVerified: false, name: "Jane" };

describe.each(stores)("a password that became a passkey on $name", (kind) => {
  let running: Running;
  let safe: Safe;
  let id: string;
  let before: { account: Account; verifier: Verifier; key: Buffer; wrapped: string };

  beforeAll(async () => {
    running = await startInstallation(kind, {
      limits: { guesses: { perAccount: "1000/1m", perAddress: "1000/1m" } },
    });
    safe = await passwordSafe(running.installation);
    await bring();
    // Somebody else's stays, so that the key has to be made anew and not only thrown away.
    await bring({ ...row, username: "joe" });
    id = (await running.installation.accounts.findByLogin("jane"))!.value.id;
    const verifier = (await readVerifier(safe.store, id))!.value;
    const account = (await accountRecord.read(safe.store, id))!.value;
    const { key } = (await readKey(safe, keyIdOf(verifier)))!;
    before = { account, verifier, key, wrapped: (await safe.shelf.read(keyIdOf(verifier)))! };
    expect(openVerifier({ id: keyIdOf(verifier), key }, id, verifier)).toBe(HASH);
  });
  afterAll(() => running.stop());

  async function bring(one = row): Promise<string> {
    const hashes = intake(safe, { memory: 64, time: 1000 });
    const hash = hashes.check(HASH);
    const end = await hashes.begin([hash]);
    return importRow({ ...safe, hashes }, one, hash)
      .catch(({ code }) => code)
      .finally(end);
  }

  async function signIn(browser: Browser, password: string): Promise<Answer> {
    await expect.poll(async () => (await browser.open("/sign-in")).text).toContain("data-password");
    const page = await browser.open("/sign-in");
    const action = /data-password="([^"]+)"/.exec(page.text)?.[1] ?? "";
    return browser.post(action.replaceAll("&amp;", "&"), { username: "jane", password });
  }

  /** Every byte that the store has on disk or would hand out. */
  async function bytes(): Promise<Buffer> {
    const folder = running.store.server?.folder ?? running.store.url.slice("lmdb:".length);
    const files = readdirSync(folder, { recursive: true })
      .map((name) => join(folder, String(name)))
      .filter((path) => statSync(path).isFile())
      .map((path) => readFileSync(path));
    if (!running.store.server) return Buffer.concat(files);
    const redis = new Redis(running.store.url);
    await redis.config("SET", "rdbcompression", "no");
    const keys = await redis.keys("*");
    const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
    await redis.quit();
    return Buffer.concat([...files, Buffer.from(keys.join("\n")), ...dumps]);
  }

  const secrets = () => ({
    password: PASSWORD,
    hash: HASH,
    "the hash's end": HASH.slice(-31),
    "the key": before.key.toString("base64url"),
    "the key's bytes": before.key,
    "the wrapped key": before.wrapped,
  });

  it("the control: before, the verifier and the wrapped key were there to be found", async () => {
    const all = await bytes();
    expect([all.includes(before.verifier.sealed), all.includes(before.wrapped)]).toEqual([true, true]);
    expect(all.includes(HASH)).toBe(false);
  });

  it("SEC-45 SEC-113 is in no key, value, log of commands, free page, log, audit or export", async () => {
    const jane = running.browser();
    expect((await signIn(running.browser(), `${PASSWORD}!`)).status).toBe(401);
    const enrol = await jane.open(String((await signIn(jane, PASSWORD)).json().location));
    const home = await jane.complete(await jane.complete(enrol));
    expect(new URL(home.url).pathname).toBe("/account");
    expect(await readVerifier(safe.store, id)).toBeUndefined();
    expect(await purge(safe)).toMatchObject({ kept: 1, keys: 1 });

    const all = await bytes();
    const found = Object.entries(secrets()).filter(([, secret]) => all.includes(secret));
    expect(found.map(([what]) => what)).toEqual([]);
    // What is encrypted may lie in free pages; the key that it needs is nowhere.
    if (running.store.server) expect(all.includes(before.verifier.sealed)).toBe(false);
    for (const keyId of await safe.shelf.list()) {
      const key = (await readKey(safe, keyId))!;
      expect(openVerifier(key, id, before.verifier)).toBeUndefined();
    }

    const log = running.log.join("");
    expect(log).toContain("password.closed");
    const audit: unknown[] = [];
    for await (const { event } of safe.store.tail(`audit:${day(Date.now())}`)) audit.push(event);
    const exported: unknown[] = [];
    for await (const account of running.installation.accounts.list()) exported.push(account);
    const told = JSON.stringify([log, audit, exported]);
    expect(told).toContain(id);
    const leaks = [...Object.values(secrets()).map(String), before.verifier.sealed];
    expect(leaks.filter((secret) => told.includes(secret))).toEqual([]);
  });

  describe("SEC-44 SEC-46 nothing brings it back", () => {
    const isRefused = async () => {
      expect((await signIn(running.browser(), PASSWORD)).status).toBe(401);
    };
    const putBack = (verifier: Verifier) =>
      safe.store.write(verifierRecord.key(id), verifierRecord.encode(verifier));

    it("not the same file again", async () => {
      expect(await bring()).toBe("password_closed");
      expect(await readVerifier(safe.store, id)).toBeUndefined();
      await isRefused();
    });

    it("not a delayed write, and it is swept", async () => {
      await putBack(before.verifier);
      await isRefused();
      await running.installation.accounts.sweep();
      await expect.poll(() => readVerifier(safe.store, id)).toBeUndefined();
    });

    it("not an older backup of the account and its verifier: the key is gone", async () => {
      const now = (await accountRecord.read(safe.store, id))!.value;
      await putBack(before.verifier);
      await safe.store.write(accountRecord.key(id), accountRecord.encode(before.account));
      await isRefused();
      await safe.store.write(accountRecord.key(id), accountRecord.encode(now));
      await running.installation.accounts.sweep();
    });

    it("not another account's verifier in its place", async () => {
      const joe = (await running.installation.accounts.findByLogin("joe"))!.value;
      await putBack((await readVerifier(safe.store, joe.id))!.value);
      await isRefused();
      expect((await joeSignsIn()).status).toBe(200);
    });

    async function joeSignsIn(): Promise<Answer> {
      const browser = running.browser();
      const page = await browser.open("/sign-in");
      const action = /data-password="([^"]+)"/.exec(page.text)?.[1] ?? "";
      return browser.post(action.replaceAll("&amp;", "&"), { username: "joe", password: PASSWORD });
    }
  });
});
