/** Challenges: one page, one browser, one purpose, one action, one answer. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  type Binding,
  CEREMONY_TTL,
  requiresUserVerification,
  startCeremony,
  takeCeremony,
} from "../../src/passkey/ceremony.ts";
import type { Store } from "../../src/store/store.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { forget, observed, recordsOf, verdict } from "./party.ts";

const MINUTE = 60_000;

for (const { name, open } of stores) {
  describe(`on ${name}`, () => {
    let opened: OpenStore;
    let store: Store;
    let now = 0;
    let page = 0;
    let binding: Binding;
    const clock = { now: () => now };

    const start = (changes: Partial<Binding> = {}) =>
      startCeremony({ store, clock }, { ...binding, ...changes }, {});
    const take = (challenge: string, changes: Partial<Binding> = {}, through = store) =>
      takeCeremony({ store: through, clock }, { ...binding, ...changes }, challenge);

    beforeAll(async () => {
      opened = await open();
      store = opened.store;
    });
    afterAll(() => opened.close());
    beforeEach(() => {
      now = Date.UTC(2026, 10, 22);
      binding = { purpose: "authentication", page: `page-${page++}`, browser: "browser", action: "sign-in" };
    });

    test("SEC-1 a challenge is taken once, the second time it is gone", async () => {
      const challenge = await start();
      await expect(take(challenge)).resolves.toMatchObject({ userVerification: "required" });
      expect(await verdict(take(challenge))).toEqual({
        code: "ceremony_expired",
        reason: "challenge_unknown",
      });
    });

    test("SEC-2 of fifty parallel answers through two handles exactly one gets the challenge", async () => {
      const challenge = await start();
      const other = await opened.reopen();
      const attempts = Array.from({ length: 50 }, (_, i) => take(challenge, {}, i % 2 ? store : other));
      const results = await Promise.allSettled(attempts);
      expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      for (const attempt of attempts.filter((_, i) => results[i]!.status === "rejected")) {
        expect(await verdict(attempt)).toEqual({ code: "ceremony_expired", reason: "challenge_unknown" });
      }
    });

    test("SEC-3 on another page of the browser a challenge is refused and used up; that page keeps its own", async () => {
      const [here, there] = [await start(), await start({ page: "elsewhere" })];
      expect((await verdict(take(there))).reason).toBe("challenge_misused");
      expect((await verdict(take(there, { page: "elsewhere" }))).reason).toBe("challenge_unknown");
      await expect(take(here)).resolves.toBeDefined();
    });

    test("SEC-4 SEC-10 from another browser a challenge is refused and stays good for its own", async () => {
      const challenge = await start();
      expect((await verdict(take(challenge, { browser: "other" }))).reason).toBe("challenge_foreign");
      expect((await verdict(take(challenge, { browser: "other", page: "other" }))).reason).toBe(
        "challenge_foreign",
      );
      await expect(take(challenge)).resolves.toBeDefined();
    });

    test("SEC-4 nobody in particular gets no challenge", async () => {
      await expect(start({ browser: "" })).rejects.toThrow(TypeError);
      await expect(start({ page: "" })).rejects.toThrow(TypeError);
      const challenge = await start();
      expect((await verdict(take(challenge, { browser: "" }))).reason).toBe("challenge_foreign");
    });

    test("SEC-5 a challenge of one purpose is none for the other", async () => {
      const challenge = await start({ purpose: "registration" });
      expect((await verdict(take(challenge))).reason).toBe("challenge_unknown");
      await expect(take(challenge, { purpose: "registration" })).resolves.toBeDefined();
    });

    test("SEC-6 a challenge for one action is refused for another, and used up", async () => {
      const action = "remove_passkey:AAAA";
      const [first, second] = [await start({ action }), await start({ action })];
      expect((await verdict(take(first, { action: "remove_passkey:BBBB" }))).reason).toBe(
        "challenge_misused",
      );
      expect((await verdict(take(first, { action }))).reason).toBe("challenge_unknown");
      expect((await verdict(take(second, { action: "sign-in" }))).reason).toBe("challenge_misused");
      await expect(take(await start({ action }), { action })).resolves.toBeDefined();
    });

    test("SEC-7 a challenge lives thirty minutes, and a clock that jumps back revives none", async () => {
      const inTime = await start();
      now += CEREMONY_TTL;
      await expect(take(inTime)).resolves.toBeDefined();
      const [late, revived] = [await start(), await start()];
      now += CEREMONY_TTL + 1000;
      expect((await verdict(take(late))).reason).toBe("challenge_expired");
      now -= 60 * MINUTE;
      expect((await verdict(take(revived))).reason).toBe("challenge_expired");
    });

    test("SEC-7 a second visit does not lengthen the life of the first challenge", async () => {
      const first = await start();
      now += 20 * MINUTE;
      const second = await start();
      now += 11 * MINUTE;
      expect((await verdict(take(first))).reason).toBe("challenge_expired");
      await expect(take(second)).resolves.toBeDefined();
    });

    test("a clock a little behind the one that gave the challenge does no harm", async () => {
      const challenge = await start();
      now -= 2 * MINUTE;
      await expect(take(challenge)).resolves.toBeDefined();
    });

    test("SEC-8 a challenge that was never given is refused, whatever it looks like", async () => {
      const given = await start();
      const forged = [
        "",
        "AAAA",
        given.slice(0, -1),
        `${given}A`,
        `A${given.slice(1)}`,
        given.toLowerCase(),
        `${"A".repeat(44)}${given.slice(44)}`,
        `${given.slice(0, 44)}${"A".repeat(24)}`,
        `${"A".repeat(44)}:\u0000\ud800${"A".repeat(21)}`,
        "A".repeat(100_000),
      ].filter((challenge) => challenge !== given);
      for (const challenge of forged) {
        expect(await verdict(take(challenge))).toEqual({
          code: "ceremony_expired",
          reason: "challenge_unknown",
        });
      }
      await expect(take(given)).resolves.toBeDefined();
    });

    test("SEC-9 a page keeps its newest two challenges, however often it is asked for", async () => {
      const given: string[] = [];
      for (let i = 0; i < 20; i++) given.push(await start());
      const [record] = await recordsOf(store, given[0]!);
      expect((record!.value as { live: unknown[] }).live).toHaveLength(2);
      for (const challenge of given.slice(0, -2)) {
        expect((await verdict(take(challenge))).reason).toBe("challenge_unknown");
      }
      for (const challenge of given.slice(-2)) await expect(take(challenge)).resolves.toBeDefined();
    });

    test("SEC-9 a crowd on one page gets its challenges, none is refused, and two at most live", async () => {
      const given = await Promise.all(Array.from({ length: 40 }, () => start()));
      const taken = await Promise.allSettled(given.map((challenge) => take(challenge)));
      const good = taken.filter(({ status }) => status === "fulfilled").length;
      expect(good).toBeGreaterThanOrEqual(1);
      expect(good).toBeLessThanOrEqual(2);
    });

    test("SEC-17 user verification survives the store, and a record that lost it requires it", async () => {
      const context = { store, clock };
      const lax = await startCeremony(context, binding, { userVerification: "preferred" });
      expect(requiresUserVerification(await take(lax))).toBe(false);
      const strict = await startCeremony(context, binding, {});
      expect(requiresUserVerification(await take(strict))).toBe(true);
      const old = await startCeremony(context, binding, { userVerification: "preferred" });
      await forget(store, old, "userVerification");
      expect(requiresUserVerification(await take(old))).toBe(true);
    });

    test("neither the challenge nor the page nor the browser stands in the store", async () => {
      const secrets = { page: `secret-page-${page}`, browser: "secret-browser" };
      const challenge = await start(secrets);
      const records = await recordsOf(store, challenge);
      expect(records).toHaveLength(1);
      const text = JSON.stringify(records);
      for (const secret of [secrets.page, secrets.browser, challenge]) expect(text).not.toContain(secret);
    });

    test("a start is one commit, a second one a read and a commit more; a take is a read and a commit", async () => {
      const calls: string[] = [];
      const context = { store: observed(store, calls), clock };
      const challenge = await startCeremony(context, binding, {});
      expect(calls.splice(0)).toEqual(["commit"]);
      await startCeremony(context, binding, {});
      expect(calls.splice(0)).toEqual(["commit", "read", "commit"]);
      await takeCeremony(context, binding, challenge);
      expect(calls.splice(0)).toEqual(["read", "commit"]);
    });
  });
}
