/** What is recognised, in bytes of any kind. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { filesBelow, lookThrough } from "../../src/proof/files.ts";
import { expandedIn } from "../../src/proof/lzf.ts";
import { type Trace, tracesIn } from "../../src/proof/traces.ts";

const file = new URL("../password/fixtures/hashes.json", import.meta.url);
const { hashes, keycloak } = JSON.parse(readFileSync(file, "utf8")) as {
  hashes: { hash: string; form: string }[];
  keycloak: object[];
};

async function look(path: string) {
  const traces: Trace[] = [];
  const bytes = await lookThrough(path, (trace) => traces.push(trace));
  return { traces, bytes };
}

describe("a trace of a password", () => {
  it.each(hashes)("$form is seen wherever it stands: $hash", ({ hash }) => {
    for (const [before = "", after] of [
      ["", ""],
      ['{"h":"', '"}'],
      ["\0\xff", "\0"],
      ["x".repeat(3000), "\n"],
    ]) {
      const found = tracesIn(Buffer.from(`${before}${hash}${after}`, "latin1"));
      expect(
        found.map(({ at }) => at),
        before.slice(0, 9),
      ).toContain(Buffer.byteLength(before, "latin1"));
    }
  });

  it("the credential of a Keycloak export is seen, once or twice quoted", () => {
    const once = JSON.stringify({ credentials: keycloak });
    expect(tracesIn(Buffer.from(once)).length).toBeGreaterThanOrEqual(keycloak.length);
    expect(tracesIn(Buffer.from(JSON.stringify({ once }))).length).toBeGreaterThanOrEqual(keycloak.length);
  });

  it("our own verifiers are seen, with the id of their key, and wrapped keys", () => {
    const verifier = `lkpw1.key-1.${"a".repeat(350)}`;
    expect(tracesIn(Buffer.from(`v 1 {"sealed":"${verifier}"}`))).toEqual([
      { what: "verifier", at: 15, keyId: "key-1" },
    ]);
    expect(tracesIn(Buffer.from(`{"wrapped":"${"a".repeat(95)}","schema":1}`))).toEqual([
      { what: "key", at: 0 },
    ]);
  });

  it.each([
    "bcrypt:12",
    "$2b$",
    "cost $2.50 and $200",
    '{"alg":"ES256","wrapped":"abc","kid":"x"}',
    "argon2id:19:65536:3:4",
    "pbkdf2",
    "a".repeat(100_000),
    "$".repeat(100_000),
  ])("%s is none", (text) => {
    const started = performance.now();
    expect(tracesIn(Buffer.from(text))).toEqual([]);
    expect(performance.now() - started).toBeLessThan(200);
  });
});

describe("files", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-proof-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const hash = hashes[0]!.hash;
  const put = (name: string, bytes: string | Buffer) => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };

  it("are looked through to their ends, also where two pieces meet, and each trace is told once", async () => {
    for (const before of [0, 1024 * 1024 - 20, 1024 * 1024 - hash.length, 3_000_000]) {
      const path = put("big", Buffer.concat([Buffer.alloc(before), Buffer.from(hash), Buffer.alloc(5000)]));
      const { traces, bytes } = await look(path);
      expect(traces).toEqual([{ what: "argon2", at: before }]);
      expect(bytes).toBe(before + hash.length + 5000);
    }
  });

  it("are unpacked, and a file that only begins like a packed one is read all the same", async () => {
    expect((await look(put("a.gz", gzipSync(`x ${hash}`)))).traces).toHaveLength(1);
    expect(
      (await look(put("b.gz", Buffer.concat([Buffer.of(0x1f, 0x8b), Buffer.from(hash)])))).traces,
    ).toHaveLength(1);
    expect((await look(put("empty", ""))).traces).toEqual([]);
  });

  it("keys of the passwords are known by their names; links are not followed", async () => {
    const sub = join(folder, "sub");
    mkdirSync(sub);
    writeFileSync(join(sub, "password-abc.key"), "x");
    symlinkSync("/", join(sub, "root"));
    expect(filesBelow(sub)).toEqual([join(sub, "password-abc.key")]);
    expect((await look(join(sub, "password-abc.key"))).traces).toEqual([
      { what: "key", at: 0, keyId: "abc" },
    ]);
  });
});

it("SEC-28 bytes of any kind expand to something or nothing, in time", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const all = Buffer.from(bytes);
      for (let at = 0; at < all.length; at += 7) all[at] = 0xc3;
      for (const { text } of expandedIn(all)) expect(text.length).toBeGreaterThan(0);
    }),
    { numRuns: Number(process.env.FUZZ_CASES ?? 20_000), seed: Number(process.env.FUZZ_SEED ?? 20261128) },
  );
});
