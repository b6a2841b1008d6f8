/** F15, in short: a server that dies while it makes a passkey or redeems a code. The whole is `npm run test:faults`. */
import { describe, expect, test, vi } from "vitest";
import { dieEverywhere, startMortal } from "../support/mortal.ts";
import { type StoreKind, stores } from "../support/stores.ts";
import { flows } from "./flows.ts";

vi.setConfig({ testTimeout: 120_000 });

describe("F15 a server that is killed after some of the steps", () => {
  test.each([
    ["registration", 6],
    ["code exchange", 2],
  ])("of %s has done it or has not", async (name, nth) => {
    const mortal = await startMortal(stores[0] as StoreKind);
    try {
      const flow = flows.find((one) => one.name === name);
      expect(flow && (await dieEverywhere(mortal, flow, ["after"], nth)).length).toBeGreaterThan(0);
    } finally {
      await mortal.stop();
    }
  });
});
