/** Whatever stands in file and environment: settings, or a refusal in words that names what is wrong. */
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { fields, variables } from "../../src/config/fields.ts";
import { folder } from "./folder.ts";

const here = folder();
afterAll(() => here.remove());

const cases = Math.ceil(Number(process.env.FUZZ_CASES ?? 20_000) / 20);
const keys = fields.map(({ key }) => key);
/** Variables that point at files are tried by hand: a random path is never there. */
const plain = variables.filter((name) => !/_FILE$|_CONFIG$/.test(name));
const canary = "hunter2hunter2";

const word = fc.oneof(
  fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", "")),
  fc.constantFrom(
    "0",
    "1",
    "3000",
    "auto",
    "true",
    "5/15m",
    "7d",
    "https://id.example.com",
    "lmdb:x",
    "redis://h",
  ),
  fc.constantFrom(
    "http://localhost:3000",
    "https://[::1]",
    "smtp://h",
    "require",
    "json",
    "__proto__",
    "",
    " ",
  ),
  fc.constant(`redis://u:${canary}@h:x`),
);
const value = fc.oneof(word, fc.jsonValue({ maxDepth: 3 }), fc.integer(), fc.boolean());

test("a random environment gives settings or problems, never a crash", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...plain, "PORT"), word, { maxKeys: 6 }), (env) => {
      for (const problem of here.problems(env)) {
        expect(problem).toMatch(/LATCHKEY_|configuration file/);
        expect(problem).not.toContain(canary);
      }
    }),
    { numRuns: cases },
  );
});

test("a random file gives settings or problems, never a crash", () => {
  const entry = fc.tuple(
    fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...keys) }, { weight: 1, arbitrary: fc.string() }),
    value,
  );
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 6 }), (entries) => {
      const nested: Record<string, unknown> = {};
      for (const [key, found] of entries) put(nested, key.split("."), found);
      for (const problem of here.problems({}, nested)) expect(problem.length).toBeLessThan(2000);
    }),
    { numRuns: cases },
  );
  expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
});

function put(into: Record<string, unknown>, [name = "", ...rest]: string[], found: unknown): void {
  const inner = Object.hasOwn(into, name) ? into[name] : undefined;
  const section = typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>) : {};
  const next = rest.length === 0 ? found : section;
  Object.defineProperty(into, name, { value: next, enumerable: true, configurable: true, writable: true });
  if (rest.length > 0) put(section, rest, found);
}

test("an unknown variable is always a problem that names a known one", () => {
  const unknown = fc.stringMatching(/^LATCHKEY_[A-Z_]{1,30}$/).filter((name) => !isKnown(name));
  fc.assert(
    fc.property(unknown, (name) => {
      const [problem, ...others] = here.problems({ [name]: "x" });
      expect(others).toEqual([]);
      expect(variables.some((known) => problem?.endsWith(`did you mean ${known}?`))).toBe(true);
    }),
    { numRuns: cases },
  );
});

function isKnown(name: string): boolean {
  return variables.includes(name) || /^LATCHKEY_(TEST|BENCH|SERVICE)_/.test(name);
}
