/** F15: a server that dies at every single operation of every flow that must be all or nothing, on both stores. */
import { describe, expect, test, vi } from "vitest";
import { dieEverywhere, startMortal } from "../support/mortal.ts";
import { stores } from "../support/stores.ts";
import { flows } from "./flows.ts";
import { ways } from "./ways.ts";
import { isWhole } from "./whole.ts";
import { works } from "./works.ts";

vi.setConfig({ testTimeout: 20 * 60_000 });

describe.each(stores)("F15 a server that is killed on $name", (kind) => {
  test.each([...flows, ...ways, ...works].map((flow) => [flow.name, flow] as const))(
    "at any operation of %s has done it or has not, and doing it again works",
    async (_, flow) => {
      const mortal = await startMortal(kind);
      try {
        const points = await dieEverywhere(mortal, flow);
        const left = await isWhole(mortal.store);
        process.stdout.write(
          `F15 ${kind.name}: ${points.length} points, ${left} leftovers\n  ${points.join("\n  ")}\n`,
        );
        expect(points.length).toBeGreaterThan(2);
      } finally {
        await mortal.stop();
      }
    },
  );
});
