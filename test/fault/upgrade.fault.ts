/**
 * F17 with real processes: this version and the next one, which has one migration more, on one store at a time. The
 * next one is built from a copy of the sources.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accountRecord } from "../../src/account/account.ts";
import { startProgram } from "../support/program.ts";
import { freePort, withoutRedis } from "../support/redis.ts";
import { copyTree } from "../support/tree.js";
import { openHouse, replace, signingIn, start, THIS } from "./instances.ts";

const ID = "0099_motto";

/** A version with another migration of accounts; `reader` says who may still work with what it writes. */
function buildNext(reader: number): string {
  const tree = mkdtempSync(join(tmpdir(), "latchkey-next-"));
  copyTree(tree);
  const schema = accountRecord.schema + 1;
  writeFileSync(
    join(tree, `migrations/${ID}.ts`),
    `import type { Migration } from "./migration.ts";
export const motto: Migration = {
  id: "${ID}", kind: "account", schema: ${schema}, reader: ${reader},
  up: (record) => ({ motto: "none", ...record }), leaves: ({ state }) => state === "pending",
};
`,
  );
  const index = join(tree, "migrations/index.ts");
  const text = readFileSync(index, "utf8").replace("];", ", motto];");
  writeFileSync(index, `import { motto } from "./${ID}.ts";\n${text}`);
  const built = spawnSync(process.execPath, ["build.js"], { cwd: tree, encoding: "utf8" });
  if (built.status !== 0) throw new Error(`${built.stdout}${built.stderr}`);
  return tree;
}

describe.skipIf(withoutRedis)("F17 an upgrade while people sign in", () => {
  let tolerant: string;
  let strict: string;
  beforeAll(() => {
    spawnSync(process.execPath, ["build.js"], { cwd: THIS });
    tolerant = buildNext(1);
    strict = buildNext(accountRecord.schema + 1);
  }, 120_000);
  afterAll(() => {
    for (const tree of [tolerant, strict]) rmSync(tree, { recursive: true, force: true });
  });

  const migrate = async (env: Record<string, string>, tree: string) => {
    const program = startProgram(process.execPath, [join(tree, "dist/cli.js"), "migrate", "up", "--json"], {
      env,
    });
    expect(await program.ended, program.said()).toBe(0);
  };

  test("loses no flow, instance by instance, and none while both versions serve what either wrote", async () => {
    const house = await openHouse();
    const people = signingIn(house.app, house.env.LATCHKEY_ISSUER, 4);
    await people.more(5);
    await replace(house, 0, tolerant);
    await people.more(20);
    await replace(house, 1, tolerant);
    await migrate(house.env, tolerant);
    // And one step back: the older version may read what the newer one wrote.
    await replace(house, 0);
    await people.more(20);
    await people.end();
    expect(people.outcomes.filter((outcome) => outcome !== "done")).toEqual([]);
    const mottos = new Set<unknown>();
    for await (const { entries } of house.store.scan("account"))
      for (const { value } of entries) mottos.add((value as { motto?: string }).motto);
    expect(mottos).toContain("none");
    process.stdout.write(`F17: ${people.outcomes.length} flows over two versions, 0 failed\n`);
    await house.close();
  });

  test("ends for an older version where it would misread what the newer one has migrated", async () => {
    const house = await openHouse(1);
    const people = signingIn(house.app, house.env.LATCHKEY_ISSUER, 1);
    await people.more(2);
    await people.end();
    expect(people.outcomes.filter((outcome) => outcome !== "done")).toEqual([]);
    await migrate(house.env, strict);
    const late = startProgram(process.execPath, [join(THIS, "dist/cli.js"), "serve"], {
      env: { ...house.env, LATCHKEY_PORT: String(await freePort()) },
    });
    expect(await late.ended, late.said()).toBe(2);
    expect(late.said()).toContain(ID);
    const next = await start(house.env, strict);
    house.balancer.use([next.port]);
    const others = signingIn(house.app, house.env.LATCHKEY_ISSUER, 2);
    await others.more(4);
    await others.end();
    expect(others.outcomes.filter((outcome) => outcome !== "done")).toEqual([]);
    for (const program of [next.program, late]) program.clear();
    await house.close();
  });
});
