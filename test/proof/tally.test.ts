/** Very many traces: each counts, and what is held of them does not grow. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { prove } from "../../src/proof/prove.ts";
import { tally } from "../../src/proof/tally.ts";
import type { Store } from "../../src/store/store.ts";
import { HASHES } from "../password/place.ts";

const state = { seal: "open" as const, since: 0, keys: [] };
const counts = {
  password_only: 0,
  password_and_passkey: 0,
  passkey_only: 0,
  neither: 0,
  total: 0,
  passes: 0,
};
const about = { counts, state, issuer: "https://id.example.com", storeId: "s", now: 0, keys: ["lives"] };

const sealed = (id: string) => `lkpw1.${id}.${"x".repeat(40)}`;

it("holds no more of a million traces than of a few", () => {
  const seen = tally();
  for (let n = 0; n < 1_000_000; n++) seen.add({ what: "bcrypt" }, `file a at byte ${n}`, "file a");
  for (let n = 0; n < 50_000; n++)
    seen.add({ what: "verifier", keyId: `k${n}` }, `file b at byte ${n}`, "file b");
  const groups = seen.groups();
  expect(groups.reduce((sum, { count }) => sum + count, 0)).toBe(1_050_000);
  expect(groups.flatMap(({ places }) => places).length).toBeLessThan(2000);
  expect(groups[0]).toMatchObject({ count: 1_000_000, where: "file a" });
  expect(groups[0]?.places).toHaveLength(20);
});

it("names the first of each kind in each file and in each kind of record, and says exactly how many more there are", async () => {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-tally-"));
  const many = 30_000;
  const file = join(folder, "dump.sql");
  writeFileSync(file, `${HASHES.bcrypt}\n${sealed("gone")} `.repeat(many));
  async function* everything() {
    for (let n = 0; n < 100; n++)
      yield { place: `latchkey:password:${n}`, bytes: Buffer.from(sealed("lives")) };
    yield { place: "latchkey:audit:1", bytes: Buffer.from(HASHES.bcrypt) };
  }
  const store = { examination: { everything, files: async () => [] } } as unknown as Store;
  try {
    const report = await prove({ ...about, store, files: [file] });
    expect(report).toMatchObject({ found: many + 101, erased: many });
    const bcrypt = report.places.filter(
      ({ place, what }) => what === "bcrypt" && place.startsWith(`file ${file}`),
    );
    expect(bcrypt).toHaveLength(21);
    expect(bcrypt[0]).toEqual({ place: `file ${file} at byte 0`, what: "bcrypt" });
    expect(bcrypt.at(-1)).toEqual({ place: `file ${file}`, what: "bcrypt", more: many - 20 });
    expect(report.places).toContainEqual({ place: "key latchkey:audit:1", what: "bcrypt" });
    expect(report.places).toContainEqual({
      place: "records of the kind password",
      what: "verifier",
      more: 80,
    });
    const told = report.places.reduce((sum, { more = 1 }) => sum + more, 0);
    expect(told).toBe(report.found);
    expect(report.scanned.map(({ found, erased }) => [found, erased])).toEqual([
      [101, 0],
      [many, many],
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("a file of more keys than can be told apart opens whatever is beside it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-tally-"));
  const keyed = (n: number) => `{"sort":"key","id":"k${n}","wrapped":"${"x".repeat(60)}"}`;
  const put = (keys: number) => {
    const path = join(folder, `${keys}.jsonl`);
    writeFileSync(path, `${Array.from({ length: keys }, (_, n) => keyed(n)).join("\n")}\n${sealed("other")}`);
    return path;
  };
  const store = {
    examination: { everything: async function* () {}, files: async () => [] },
  } as unknown as Store;
  try {
    const few = await prove({ ...about, store, files: [put(10)] });
    expect(few).toMatchObject({ found: 10, erased: 1 });
    const many = await prove({ ...about, store, files: [put(2000)] });
    expect(many).toMatchObject({ found: 2001, erased: 0 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
