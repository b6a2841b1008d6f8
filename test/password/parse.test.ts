/** Hashes of other people's implementations, and whatever else may stand where a hash should. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { classOf, decoyOf, slower } from "../../src/password/class.ts";
import { costOf, isAffordable } from "../../src/password/cost.ts";
import { formatHash } from "../../src/password/format.ts";
import { type KeycloakCredential, keycloakHash } from "../../src/password/keycloak.ts";
import { matches } from "../../src/password/match.ts";
import { parseHash } from "../../src/password/parse.ts";

interface Known {
  by: string;
  form: string;
  password: string;
  hash: string;
  wrong: string;
}

const file = new URL("./fixtures/hashes.json", import.meta.url);
const known = JSON.parse(readFileSync(file, "utf8")) as {
  hashes: Known[];
  keycloak: (KeycloakCredential & { password: string })[];
};

const CASES = Number(process.env.FUZZ_CASES ?? 20_000);
const SEED = Number(process.env.FUZZ_SEED ?? 20261128);

describe("a hash of another implementation", () => {
  it.each(known.hashes)("$form by $by fits its password and no other: $hash", async (one) => {
    const hash = parseHash(one.hash)!;
    expect(hash).toBeDefined();
    expect(await matches(hash, one.password)).toBe(true);
    expect(await matches(hash, one.wrong)).toBe(false);
  });

  it.each(known.hashes)("$form by $by is kept in one form that means the same: $hash", (one) => {
    const hash = parseHash(one.hash)!;
    expect(parseHash(formatHash(hash))).toEqual(hash);
  });

  it.each(known.keycloak)("a credential of Keycloak fits: $credentialData", async (one) => {
    const text = keycloakHash(one)!;
    const hash = parseHash(text)!;
    expect(await matches(hash, one.password)).toBe(true);
    expect(await matches(hash, `${one.password}!`)).toBe(false);
  });

  it("bcrypt: what follows a NUL was never hashed, so a password with one is wrong", async () => {
    const { hash, password } = known.hashes.find(({ form, password }) => form === "2b" && password !== "")!;
    expect(await matches(parseHash(hash)!, password)).toBe(true);
    expect(await matches(parseHash(hash)!, `${password}\0more`)).toBe(false);
    expect(await matches(parseHash(hash)!, `${password}\0`)).toBe(false);
  });
});

describe("what is no hash", () => {
  const { hash: bcrypt } = known.hashes.find(({ form }) => form === "2b")!;
  const { hash: argon2 } = known.hashes.find(({ form }) => form === "argon2id")!;
  it.each([
    ["nothing", ""],
    ["a password in the clear", "correct horse battery staple"],
    ["an unsalted digest", "5f4dcc3b5aa765d61d8327deb882cf99"],
    ["bcrypt with the bug of 2x", bcrypt.replace("$2b$", "$2x$")],
    ["bcrypt of cost 3", bcrypt.replace("$04$", "$03$")],
    ["bcrypt of cost 32", bcrypt.replace("$04$", "$32$")],
    ["bcrypt that was cut", bcrypt.slice(0, -1)],
    ["bcrypt with a line feed behind it", `${bcrypt}\n`],
    ["argon2 of another version", argon2.replace("v=19", "v=20")],
    ["argon2 with less memory than its lanes need", argon2.replace("m=256", "m=7")],
    ["argon2 without lanes", argon2.replace("p=1", "p=0")],
    ["argon2 with a leading zero", argon2.replace("t=2", "t=02")],
    ["argon2 with a short salt", argon2.replace(/\$AAEC[^$]*\$/, "$AAEC$")],
    ["scrypt of N = 2^0", "$scrypt$ln=0,r=8,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"],
    ["werkzeug's scrypt with an N that is no power of two", `scrypt:15:8:1$abc$${"ab".repeat(32)}`],
    ["PBKDF2 of another digest", "$pbkdf2-md5$10$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"],
    ["PBKDF2 of no iterations", "$pbkdf2-sha256$0$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"],
    ["PBKDF2 that lies about its length", "$pbkdf2-sha256$i=1,l=99$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"],
    ["PBKDF2 with so short a result that anything fits soon", "$pbkdf2-sha256$1$c2FsdHNhbHQ$AA"],
    ["something endless", `$2b$10$${"a".repeat(100_000)}`],
  ])("%s is refused", (_, text) => {
    expect(parseHash(text)).toBeUndefined();
  });

  it("the control: both are taken as they are", () => {
    expect([parseHash(bcrypt)?.scheme, parseHash(argon2)?.scheme]).toEqual(["bcrypt", "argon2"]);
  });

  it("SEC-137 what nobody can compute is no hash: its account would answer otherwise than all others", async () => {
    const salted = (how: string) => `$scrypt$${how}$AAAAAAAAAAAAAAAAAAAAAA$${"A".repeat(43)}`;
    // RFC 7914, section 2: N is less than 2 to the power of 128 * r / 8.
    expect(parseHash(salted("ln=16,r=1,p=1"))).toBeUndefined();
    expect(decoyOf("scrypt:16:1:1:16:32")).toBeUndefined();
    expect(parseHash(salted("ln=1,r=1048576,p=1048576"))).toBeUndefined();
    for (const how of ["ln=15,r=1,p=1", "ln=10,r=2,p=3", "ln=1,r=1,p=1"]) {
      expect(await matches(parseHash(salted(how))!, "wrong"), how).toBe(false);
    }
  });

  it("SEC-28 changed at random it is refused, or is a hash whose numbers lie within bounds", () => {
    const text = fc.constantFrom(...known.hashes.map(({ hash }) => hash));
    const letters = fc.constantFrom(..."$=,:.+/0123456789abAZ-\0é\n".split(""), "");
    const edits = fc.array(fc.tuple(fc.nat(200), fc.nat(3), letters), { minLength: 1, maxLength: 4 });
    let taken = 0;
    fc.assert(
      fc.property(text, edits, (start, changes) => {
        let changed = start;
        for (const [at, gone, put] of changes) {
          const place = at % (changed.length + 1);
          changed = changed.slice(0, place) + put + changed.slice(place + gone);
        }
        const hash = parseHash(changed);
        if (!hash) return;
        taken++;
        expect(parseHash(formatHash(hash))).toEqual(hash);
        const { memory, time } = costOf(hash);
        expect(memory >= 0 && time > 0 && Number.isFinite(memory) && Number.isFinite(time)).toBe(true);
      }),
      { numRuns: CASES, seed: SEED },
    );
    expect(taken).toBeGreaterThan(CASES / 100);
  });

  it("SEC-124 whatever text it is, reading it takes no time", () => {
    const nasty = ["$argon2id$m=", "$2b$10$", "$pbkdf2-sha256$", "pbkdf2_sha256$1$", "scrypt:16:8:1$", "$7$"];
    for (const start of nasty) {
      for (const rest of ["a", "$", "=", "0", "a$"]) {
        const began = performance.now();
        parseHash(start + rest.repeat(100_000));
        parseHash(start + rest.repeat(500));
        expect(performance.now() - began).toBeLessThan(50);
      }
    }
  });

  it("SEC-29 a Keycloak credential of any shape is refused or read, never an error", () => {
    const json = fc.oneof(
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc.string(),
    );
    const how = fc.record({
      hashIterations: fc.oneof(fc.integer(), fc.constant("500"), fc.constant(null)),
      algorithm: fc.constantFrom("pbkdf2-sha256", "argon2", "__proto__", "constructor", 7),
      additionalParameters: fc.oneof(fc.jsonValue(), fc.constant({ type: ["id"], version: ["1.3"] })),
    });
    const credential = fc.record({
      credentialData: fc.oneof(
        json,
        how.map((value) => JSON.stringify(value)),
      ),
      secretData: fc.oneof(json, fc.constant('{"value":"AAAAAAAAAAAAAAAAAAAAAA==","salt":"c2FsdHNhbHQ="}')),
    });
    fc.assert(
      fc.property(credential, (one) => {
        const text = keycloakHash(one);
        if (text !== undefined) expect(parseHash(text)).toBeDefined();
      }),
      { numRuns: CASES, seed: SEED },
    );
  });
});

describe("SEC-136 the cost of a hash is told before any work is done", () => {
  const most = { memory: 64, time: 1000 };
  const salt = "c2FsdHNhbHQ";
  const end = `${salt}$AAAAAAAAAAAAAAAAAAAAAA`;
  it.each([
    ["argon2 with 4 TiB", `$argon2id$v=19$m=4294967295,t=1,p=1$${end}`],
    ["argon2 with four thousand million passes", `$argon2id$v=19$m=8,t=4294967295,p=1$${end}`],
    ["bcrypt of cost 31", `$2b$31$${"a".repeat(53)}`],
    ["bcrypt of cost 15", `$2b$15$${"a".repeat(53)}`],
    ["scrypt of N = 2^31", `$scrypt$ln=31,r=8,p=1$${end}`],
    ["scrypt with a million lanes", `$scrypt$ln=4,r=8,p=1000000$${end}`],
    ["PBKDF2 of two thousand million iterations", `$pbkdf2-sha256$2147483647$${end}`],
  ])("%s is too costly", (_, text) => {
    expect(isAffordable(parseHash(text)!, most)).toBe(false);
  });

  it.each([
    ["argon2id as OWASP has it", `$argon2id$v=19$m=47104,t=1,p=1$${end}`],
    ["argon2id as RFC 9106 has it for small machines", `$argon2id$v=19$m=65536,t=3,p=4$${end}`],
    ["bcrypt of cost 12", `$2b$12$${"a".repeat(53)}`],
    ["scrypt of N = 2^15", `$scrypt$ln=15,r=8,p=1$${end}`],
    ["PBKDF2 of 600,000 iterations", `$pbkdf2-sha256$600000$${end}`],
  ])("%s is not", (_, text) => {
    expect(isAffordable(parseHash(text)!, most)).toBe(true);
  });
});

describe("SEC-137 the costliest class of the store", () => {
  it("is remembered by its numbers, and only a costlier one takes its place", () => {
    const cheap = parseHash(known.hashes.find(({ form }) => form === "2b")!.hash)!;
    const first = slower(undefined, cheap);
    expect(first).toBe("bcrypt:4");
    const costly = parseHash("$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA")!;
    const second = slower(first, costly);
    expect(second).toBe("argon2:id:19:65536:3:4:8:16");
    expect(slower(second, cheap)).toBe(second);
  });

  it.each(known.hashes)(
    "of $form by $by costs what the hash does, and holds nothing of it: $hash",
    async (one) => {
      const hash = parseHash(one.hash)!;
      const decoy = decoyOf(classOf(hash))!;
      expect(classOf(decoy)).toBe(classOf(hash));
      expect(costOf(decoy)).toEqual(costOf(hash));
      expect(await matches(decoy, one.password)).toBe(false);
      expect(parseHash(classOf(hash))).toBeUndefined();
    },
  );

  it.each(["", "md5", "bcrypt:99", "argon2:id", "scrypt:1:2:3:9999:9", "pbkdf2:sha256:x:1:1"])(
    "%j is none",
    (name) => expect(decoyOf(name)).toBeUndefined(),
  );
});
