import { defineConfig } from "vitest/config";

/** The whole failure matrix; `npm test` runs the `*.test.ts` of it only. */
export default defineConfig({
  test: {
    include: ["test/fault/**/*.{test,fault}.ts"],
    testTimeout: 180_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 1,
  },
});
