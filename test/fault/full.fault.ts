/** F6: a server whose Redis has no memory left. Honest refusals, nobody let in without proof, and no guess for nothing. */
import { describe, expect, test } from "vitest";
import type { Answer } from "../support/browser.ts";
import { imported, OLD_PASSWORD } from "../support/imported.ts";
import { startInstallation } from "../support/installation.ts";
import { stores } from "../support/stores.ts";
import { ask } from "../support/topologies.ts";
import { isWhole } from "./whole.ts";

/** Every answer, good or bad, is there by then. */
const IN_TIME = 3_000;

describe.each(stores.filter(({ name }) => name === "redis"))("F6 a server whose $name is full", (kind) => {
  test("refuses what it cannot keep, counts guesses on its own, and goes on when there is room", async () => {
    const running = await startInstallation(kind);
    const redis = running.store.server as NonNullable<typeof running.store.server>;
    const maxmemory = (size: string) => ask(redis, (client) => client.config("SET", "maxmemory", size));
    try {
      const app = await running.app();
      const jane = running.browser();
      await app.signUp(jane, { username: "jane" });
      const [guessed, other] = [await imported(running), await imported(running)];
      // Each has its page before there is no room for one.
      const visitor = running.browser(jane.authenticator);
      const [page, guesser] = [await visitor.open("/sign-in"), running.browser()];
      const box = passwordBox(await guesser.open("/sign-in"));
      const guess = ({ username }: { username: string }, password: string) =>
        guesser.post(box, { username, password });

      await running.store.store.write("fill:1", "x".repeat(1_000_000));
      await maxmemory("1mb");
      const slowest = { ms: 0 };
      const statuses: number[] = [];
      for (let i = 0; i < 6; i++) statuses.push(await timed(slowest, guess(guessed, "wrong")));
      // The store cannot count; this process can.
      expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
      expect(await timed(slowest, guess(guessed, OLD_PASSWORD))).toBe(429);
      expect(await timed(slowest, guess(other, OLD_PASSWORD))).toBe(503);
      expect(await timed(slowest, visitor.perform(page))).toBe(503);
      expect(await timed(slowest, running.browser().open("/sign-in"))).toBe(503);
      expect(await timed(slowest, running.browser().open((await app.request()).url))).toBe(503);
      // Who is in stays in: reading takes no room.
      expect(await timed(slowest, jane.open("/account"))).toBe(200);
      expect(await timed(slowest, jane.request("/livez"))).toBe(200);
      expect(slowest.ms).toBeLessThan(IN_TIME);

      await maxmemory("0");
      await app.signIn(running.browser(jane.authenticator));
      // The control: the right one is right where it can be kept; and what was counted stays counted.
      expect((await guess(other, OLD_PASSWORD)).status).toBe(200);
      expect((await guess(guessed, OLD_PASSWORD)).status).toBe(429);
      await isWhole(running.store);
    } finally {
      await running.stop();
    }
  });
});

async function timed(slowest: { ms: number }, answer: Promise<Answer>): Promise<number> {
  const at = performance.now();
  const { status } = await answer;
  slowest.ms = Math.max(slowest.ms, performance.now() - at);
  return status;
}

/** Where the page posts a password. */
function passwordBox({ text }: Answer): string {
  const [, found = ""] = /data-password="([^"]+)"/.exec(text) ?? [];
  return found.replaceAll("&amp;", "&");
}
