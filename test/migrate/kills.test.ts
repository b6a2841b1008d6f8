/**
 * `latchkey migrate up` is killed ten times, and what it began is completed. `LATCHKEY_TEST_ACCOUNTS` says on how many
 * accounts: `npm run test:migrate` runs it on 200,000, where the memory is watched, too.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test, vi } from "vitest";
import { readLedger } from "../../src/migrate/ledger.ts";
import { SECRET } from "../support/installation.ts";
import { type Program, startProgram } from "../support/program.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { forgetLedger, notMigrated, writeOld } from "./people.ts";

const ACCOUNTS = Number(process.env.LATCHKEY_TEST_ACCOUNTS ?? 6000);
const KILLS = 10;
const ID = "0001_passkey_added_by";
const cli = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

describe.each(stores)("ten kills on $name", ({ open }) => {
  let opened: OpenStore;
  const programs: Program[] = [];
  afterAll(async () => {
    for (const program of programs) program.clear();
    await opened.close();
  });

  const start = (...flags: string[]) => {
    const env = { LATCHKEY_STORE: opened.url, LATCHKEY_SECRET: SECRET };
    const program = startProgram(process.execPath, [cli, "migrate", "up", "--json", ...flags], { env });
    programs.push(program);
    return program;
  };

  test(
    `${ACCOUNTS} accounts are complete in the end, each changed as often as it had to be`,
    async () => {
      opened = await open();
      // The store was made long ago.
      expect(await start().ended).toBe(0);
      await forgetLedger(opened.store);
      await writeOld(opened.store, ACCOUNTS);
      const seen = async () => {
        const { pass = 1, seen: count = 0 } = (await readLedger(opened.store)).entries[ID] ?? {};
        return pass * ACCOUNTS + count;
      };
      const rate = String(Math.max(3000, Math.floor(ACCOUNTS / 4)));
      let killed = 0;
      for (let before = 0; killed < KILLS; killed++) {
        const program = start("--rate", rate);
        // It has come further than the one before it, or it has ended.
        const ended = program.ended.then(() => true);
        await vi.waitUntil(
          async () => (await seen()) > before || (await Promise.race([ended, Promise.resolve(false)])),
          { timeout: 60_000, interval: 10 },
        );
        before = await seen();
        program.signal("SIGKILL");
        await program.ended;
        // Its lock would expire in half a minute.
        await opened.store.remove("lock:migrate");
        if ((await readLedger(opened.store)).entries[ID]?.state === "done") break;
      }
      expect(killed).toBe(KILLS);
      const last = start();
      const memory = watchMemory(last);
      expect(await last.ended, last.said()).toBe(0);
      const entry = (await readLedger(opened.store)).entries[ID];
      expect(entry).toMatchObject({ state: "done", left: 0 });
      expect(entry?.seen).toBeGreaterThanOrEqual(ACCOUNTS);
      expect(await notMigrated(opened.store, ACCOUNTS)).toEqual([]);
      // Constant memory: a program of this kind has some 100 MB, and 200,000 accounts would be 300 MB more.
      expect(memory.most()).toBeLessThan(260);
      process.stdout.write(
        `${ACCOUNTS} accounts, ${killed} kills, at most ${Math.round(memory.most())} MiB\n`,
      );
    },
    10 * 60_000,
  );
});

/** The most memory of its own that a program had, in MiB (Linux): pages of a file that it maps are the system's. */
function watchMemory(program: Program): { most(): number } {
  let most = 0;
  const look = () => {
    for (const pid of program.survivors()) {
      try {
        const [, kib = "0"] = /^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
        most = Math.max(most, Number(kib) / 1024);
      } catch {
        // gone meanwhile
      }
    }
  };
  const timer = setInterval(look, 100);
  void program.ended.finally(() => clearInterval(timer));
  return { most: () => most };
}
