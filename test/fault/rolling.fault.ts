/**
 * F16: two instances behind a balancer are restarted in turn while people sign in. Each flow may pass through both;
 * none of them may fail.
 */
import { describe, expect, test } from "vitest";
import { withoutRedis } from "../support/redis.ts";
import { openHouse, replace, signingIn } from "./instances.ts";

describe.skipIf(withoutRedis)("F16 a rolling restart", () => {
  test("of two instances loses none of a hundred flows that are under way, nor of those that follow", async () => {
    const house = await openHouse();
    const people = signingIn(house.app, house.env.LATCHKEY_ISSUER, 100);
    for (let round = 0; round < 4; round++) await replace(house, round % 2);
    await expect.poll(() => people.outcomes.length, { timeout: 90_000 }).toBeGreaterThan(300);
    await people.end();
    expect(people.outcomes.filter((outcome) => outcome !== "done")).toEqual([]);
    process.stdout.write(`F16: ${people.outcomes.length} flows, 4 restarts, 0 failed\n`);
    await house.close();
  });
});
