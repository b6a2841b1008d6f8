/**
 * F22: a mail server that is silent, and then gone. Nobody who signs in, or does what an owner is told of, waits for it,
 * and what waited is sent by itself once it is back. The queue alone: `test/mail`.
 */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { type Account, accountRecord } from "../../src/account/account.ts";
import { SoftwareAuthenticator } from "../../src/testing.ts";
import { type Browser, ceremonyOf } from "../support/browser.ts";
import { type Running, startInstallation } from "../support/installation.ts";
import { mailSettings, startMailServer } from "../support/smtp.ts";
import { stores } from "../support/stores.ts";

/** A silent mail server is given up after fifteen seconds; whoever waited for it would wait as long. */
const SILENCE = 15_000;
const EMAIL = "jane@example.com";

describe.each(stores)("F22 a mail server that is down, over $name", (kind) => {
  test("is in nobody's way, and gets what waited when it is back, each once", async () => {
    const post = await startMailServer();
    await post.shut();
    const silent = await startSilent(Number(new URL(post.url).port));
    const running = await startInstallation(kind, { mail: mailSettings(post) });
    try {
      const jane = await owner(running);
      const app = await running.app();
      const slowest = { ms: 0 };
      for (const how of ["silent", "gone"]) {
        await timed(slowest, () => addPasskey(running, jane));
        await timed(slowest, () => app.signIn(running.browser(jane.authenticator)));
        if (how === "silent") {
          expect(silent.asked()).toBeGreaterThan(0);
          await silent.close();
        }
      }
      expect(slowest.ms).toBeLessThan(SILENCE);
      expect(post.inbox).toEqual([]);
      await post.open();
      const back = performance.now();
      await expect.poll(() => post.inbox.length, { timeout: 150_000, interval: 100 }).toBe(2);
      const took = Math.round((performance.now() - back) / 1000);
      process.stdout.write(
        `F22 ${kind.name}: nobody waited more than ${slowest.ms} ms; sent ${took} s after\n`,
      );
      expect(post.inbox.map(({ mail }) => mail.subject)).toEqual(
        Array(2).fill("A passkey was added to your account"),
      );
    } finally {
      await running.stop();
      await silent.close();
      await post.shut();
    }
  });
});

async function owner({ installation, store, browser }: Running): Promise<Browser> {
  const jane = browser();
  await jane.complete(await jane.open("/sign-up"), { username: "jane", email: EMAIL });
  const account = (await installation.accounts.findByLogin("jane"))?.value as Account;
  const verified = { ...account, emailVerified: true };
  await store.store.write(accountRecord.key(account.id), accountRecord.encode(verified));
  return jane;
}

/** What an owner is told of by mail. */
async function addPasskey({ issuer }: Running, jane: Browser): Promise<void> {
  const page = await jane.complete(await jane.submit("/account/passkeys/add"));
  const { action, options } = ceremonyOf(page);
  const response = new SoftwareAuthenticator().create(options, issuer);
  expect((await jane.post(action, { response })).status).toBe(200);
}

async function timed(slowest: { ms: number }, act: () => Promise<unknown>): Promise<void> {
  const at = performance.now();
  await act();
  slowest.ms = Math.max(slowest.ms, Math.round(performance.now() - at));
}

/** Takes connections and never says a word. */
async function startSilent(port: number) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket.on("error", () => {}))).listen(
    port,
    "127.0.0.1",
  );
  await once(server, "listening");
  return {
    asked: () => sockets.size,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
