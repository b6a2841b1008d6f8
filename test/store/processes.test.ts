import { mkdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { entries } from "../../src/testing/contract/check.ts";
import { type Program, startProgram } from "../support/program.ts";
import { stores } from "../support/stores.ts";

// Beside the packages that it imports.
const folder = fileURLToPath(new URL(`../../node_modules/.cache/latchkey-${process.pid}/`, import.meta.url));
const script = `${folder}contender.mjs`;

beforeAll(async () => {
  await mkdir(folder, { recursive: true });
  const entry = fileURLToPath(new URL("../support/contender.ts", import.meta.url));
  await build({
    entryPoints: [entry],
    outfile: script,
    bundle: true,
    format: "esm",
    platform: "node",
    packages: "external",
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const start = (...args: string[]) => startProgram(process.execPath, [script, ...args]);

for (const { name, open } of stores) {
  describe(`processes that share a store on ${name}`, () => {
    test("three of them lose no increment, and of each claim and each take one is the winner", async () => {
      const opened = await open();
      const { store } = opened;
      const rounds = 40;
      for (let i = 0; i < rounds; i++) await store.write(`code:race-${i}`, i);
      const contenders = [1, 2, 3].map(() => start("contend", opened.url, "race", String(rounds)));
      try {
        await vi.waitUntil(async () => (await store.members("ready:race")).length === 3, 20_000);
        await store.write("go:race", true);
        const won = await Promise.all(contenders.map((one) => one.line((line) => JSON.parse(line))));
        expect(await store.read("contended:race")).toMatchObject({ value: { n: 3 * rounds } });
        expect(won.reduce((sum, { claimed }) => sum + claimed, 0)).toBe(rounds);
        expect(won.reduce((sum, { taken }) => sum + taken, 0)).toBe(rounds);
        expect(await Promise.all(contenders.map(({ ended }) => ended))).toEqual([0, 0, 0]);
      } finally {
        for (const one of contenders) one.clear();
        await opened.close();
      }
    });

    test("F15 what a process had acknowledged as durable is there after it was killed", async () => {
      const opened = await open();
      const writer = start("journal", opened.url, "j");
      try {
        await acknowledged(writer, 50);
        writer.signal("SIGKILL");
        expect(await writer.ended).toBe("SIGKILL");
        const kept = await entries((await opened.reopen()).scan("journal"));
        for (const line of writer.stdout) {
          const [i] = line.split(" ");
          expect(kept.get(`journal:j-${i}`)).toEqual({ i: Number(i) });
        }
      } finally {
        writer.clear();
        await opened.close();
      }
    });
  });
}

function acknowledged(writer: Program, n: number): Promise<unknown> {
  return writer.line((line) => (Number.parseInt(line, 10) >= n ? line : undefined));
}
