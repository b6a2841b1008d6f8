/** `accounts import` as an operator meets it. */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HASHES } from "../../password/place.ts";
import { type Operator, operator } from "../operator.ts";

describe("accounts import", () => {
  let admin: Operator;
  beforeAll(() => {
    admin = operator();
  });
  afterAll(() => admin.remove());
  const file = (name: string, text: string) => {
    writeFileSync(join(admin.cwd, name), text);
    return name;
  };
  const lines = (...rows: object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  const jane = {
    username: "jane",
    email: "jane@example.com",
    email_verified: true,
    password_hash: HASHES.bcrypt,
  };

  it("prints one document, and the account then says its ways in", async () => {
    const name = file("people.jsonl", lines({ ...jane, sub: "old-7" }, { username: "no one" }));
    const { code, json, out } = await admin.run("accounts", "import", name, "--json");
    expect(json()).toEqual({
      read: 2,
      created: 1,
      updated: 0,
      unchanged: 0,
      refused: [{ line: 2, code: "username_invalid", reason: expect.stringContaining("username") }],
    });
    expect(code).toBe(0);
    expect(out).not.toContain("$2b$");
    const shown = (await admin.run("accounts", "show", "jane@example.com", "--json")).json();
    expect(shown).toMatchObject({ id: "old-7", ways: ["password"], passkeys: [], state: "active" });
    expect(JSON.stringify(shown)).not.toMatch(/\$2b|lkpw1|hash/);
  });

  it("never holds the refusals of a long file: the one document is written in pieces", async () => {
    const many = 20_000;
    admin.input = `{"username":"nö one"}\n`.repeat(many);
    const { json, out, longest } = await admin.run("accounts", "import", "-", "--json");
    const { refused, ...counts } = json() as { refused: object[] };
    expect(counts).toEqual({ read: many, created: 0, updated: 0, unchanged: 0 });
    expect(refused).toHaveLength(many);
    expect(refused.at(-1)).toMatchObject({ line: many, code: "username_invalid" });
    expect(out.length).toBeGreaterThan(1_000_000);
    expect(longest).toBeLessThan(70_000);
    expect(out).toBe(`${JSON.stringify(json(), null, 2)}\n`);
  });

  it("says what was refused, for people on the standard error, and is strict when asked to be", async () => {
    const name = file("bad.jsonl", lines({ username: "no one" }, jane));
    const easy = await admin.run("accounts", "import", name);
    expect([easy.code, easy.err]).toEqual([0, expect.stringMatching(/^line 1: username_invalid: /)]);
    expect(easy.out).toMatch(/unchanged +1/);
    expect((await admin.run("accounts", "import", name, "--strict")).code).toBe(1);
    expect((await admin.run("accounts", "import", file("good.jsonl", lines(jane)), "--strict")).code).toBe(0);
  });

  it("reads the standard input, and CSV; --rejects keeps what was refused for another try, for its owner alone", async () => {
    admin.input = `username,password_hash\njoe,${HASHES.bcrypt}\nj o e,${HASHES.bcrypt}\n`;
    const { code, json } = await admin.run("accounts", "import", "-", "--json", "--rejects", "again.csv");
    expect([code, json()]).toEqual([0, expect.objectContaining({ read: 2, created: 1 })]);
    const rejects = join(admin.cwd, "again.csv");
    expect(readFileSync(rejects, "utf8")).toBe(`username,password_hash\nj o e,${HASHES.bcrypt}\n`);
    expect(statSync(rejects).mode & 0o777).toBe(0o600);
    const again = await admin.run("accounts", "import", "-", "--rejects", "again.csv");
    expect([again.code, again.err]).toEqual([2, expect.stringContaining("EEXIST")]);
  });

  it("--dry-run writes nothing", async () => {
    const name = file("dry.jsonl", lines({ username: "dry", password_hash: HASHES.bcrypt }));
    const { json } = await admin.run("accounts", "import", name, "--dry-run", "--json");
    expect(json()).toMatchObject({ read: 1, created: 1 });
    expect((await admin.run("accounts", "show", "dry", "--json")).json()).toMatchObject({
      code: "account_unknown",
    });
  });

  it("refuses what it cannot read", async () => {
    for (const args of [["missing.jsonl"], ["."], ["good.jsonl", "--format", "xml"]]) {
      expect((await admin.run("accounts", "import", ...args)).code).toBe(2);
    }
    expect(existsSync(join(admin.cwd, "data", "data.mdb"))).toBe(true);
  });

  it("beside an embedded store the key of the passwords has a file of its own, for its owner alone", async () => {
    const { readdirSync } = await import("node:fs");
    const keys = readdirSync(join(admin.cwd, "data")).filter((name) => name.endsWith(".key"));
    expect(keys).toHaveLength(1);
    expect(statSync(join(admin.cwd, "data", keys[0]!)).mode & 0o777).toBe(0o600);
  });
});
