/** Every migration on records as they were, and what they are to be. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { migrations, readerOf, upcastsOf } from "../../migrations/index.ts";
import { recordKind } from "../../src/store/record.ts";

const fixture = (name: string) =>
  JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), "utf8")) as Record<
    string,
    unknown
  >[];

describe.each(migrations)("$id", ({ id, kind, schema, reader, up, leaves }) => {
  const before = fixture(`${id}.before`);
  const after = fixture(`${id}.after`);
  const steps = upcastsOf(kind).slice(0, schema - 1);
  const record = recordKind(kind, steps, Math.min(readerOf(kind), schema));

  test("makes of every record what it is to be", () => {
    expect(before.length).toBe(after.length);
    expect(before.map((old) => record.encode(record.decode(old)))).toEqual(after);
  });

  test("changes nothing of what it has done already, and not its input", () => {
    for (const old of before) {
      const frozen = JSON.stringify(old);
      const once = up(structuredClone(old));
      expect(up(structuredClone(once))).toEqual(once);
      expect(JSON.stringify(old)).toBe(frozen);
    }
  });

  test("says its place: number, kind and schema follow on one another", () => {
    const place = migrations.findIndex((one) => one.id === id);
    expect(id).toMatch(new RegExp(`^${String(place + 1).padStart(4, "0")}_[a-z_]+$`));
    expect(schema).toBe(migrations.slice(0, place + 1).filter((one) => one.kind === kind).length + 1);
    expect(reader).toBeLessThanOrEqual(schema);
    expect(leaves?.({ state: "active" }) ?? false).toBe(false);
  });
});

describe("versions side by side (F17)", () => {
  const old = recordKind<{ a: number }>("thing");
  const tolerant = recordKind<{ a: number; b?: number }>("thing", [(one) => ({ b: 1, ...one })], 1);
  const strict = recordKind<{ c: number }>("thing", [({ a }) => ({ c: a })], 2);

  test("what an older version may read it reads, keeps what it does not know, and says its own schema", () => {
    const written = tolerant.encode({ a: 1, b: 7 });
    expect(old.decode(written)).toEqual({ a: 1, b: 7 });
    const back = old.encode({ ...old.decode(written), a: 2 });
    expect(back).toEqual({ a: 2, b: 7, schema: 1 });
    expect(tolerant.decode(back)).toEqual({ a: 2, b: 7 });
  });

  test("what it would misread it refuses", () => {
    expect(strict.decode(old.encode({ a: 3 }))).toEqual({ c: 3 });
    expect(() => old.decode(strict.encode({ c: 3 }))).toThrow("Run a newer version");
  });
});
