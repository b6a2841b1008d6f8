import { defineConfig } from "vitest/config";

/** `npm run fuzz` tries fifty times as many cases, and may take as much longer. */
const moreCases = Math.max(1, Number(process.env.FUZZ_CASES ?? 0) / 20_000);

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000 * moreCases,
    hookTimeout: 30_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
