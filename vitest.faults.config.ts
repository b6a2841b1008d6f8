import { defineConfig } from "vitest/config";

/**
 * The whole failure matrix; `npm test` runs the `*.test.ts` of it only. A newer server, where there is one, goes
 * through what one Redis, a Sentinel set and a cluster have to bear as well.
 */
export default defineConfig({
  test: {
    include: [
      "test/fault/**/*.{test,fault}.ts",
      "test/store/redis/{sentinel,cluster}.test.ts",
      "test/contract/topologies.test.ts",
    ],
    env: { LATCHKEY_TEST_MATRIX: "whole" },
    testTimeout: 180_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 1,
  },
});
