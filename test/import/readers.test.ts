/** What the formats come down to, however the bytes arrive. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LatchkeyError } from "../../src/errors.ts";
import { type Format, readInputs } from "../../src/import/format.ts";
import type { Input } from "../../src/import/row.ts";

const CASES = Number(process.env.FUZZ_CASES ?? 20_000);
const SEED = Number(process.env.FUZZ_SEED ?? 20261128);

async function* chunked(text: string | Buffer, size = 7): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text as string);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(text: string | Buffer, format?: Format, size?: number): Promise<Input[]> {
  const found: Input[] = [];
  for await (const input of readInputs(chunked(text, size), format)) found.push(input);
  return found;
}

/** The rows, and the codes of those that are refused. */
const come = async (text: string | Buffer, format?: Format) =>
  (await read(text, format)).map(({ line, read }) => [
    line,
    read instanceof LatchkeyError ? read.code : read,
  ]);

describe("JSON Lines", () => {
  it("is one account a line, with empty lines and a byte order mark passed over", async () => {
    const text = '\uFEFF{"username":"Jane","email":"j@example.com"}\r\n\n{"sub":"a|1","groups":["Staff"]}';
    expect(await come(text)).toEqual([
      [1, { username: "jane", email: "j@example.com", emailVerified: false }],
      [3, { sub: "a|1", groups: ["Staff"], emailVerified: false }],
    ]);
  });

  it.each([
    ["no JSON", "{", "row_invalid"],
    ["no object", "[]", "row_invalid"],
    ["nothing to find it by", '{"name":"Jane"}', "row_invalid"],
    ["only an address that nobody verified", '{"email":"j@example.com"}', "row_invalid"],
    ["a field of another name", '{"username":"jane","passwordHash":"x"}', "row_invalid"],
    ["a field that is inherited", '{"username":"jane","__proto__":{"groups":["a"]}}', "row_invalid"],
    ["a flag as text", '{"username":"jane","email_verified":"true"}', "row_invalid"],
    ["groups as text", '{"username":"jane","groups":"a"}', "row_invalid"],
    ["no username", '{"username":"jane doe"}', "username_invalid"],
    ["another one's address as username", '{"username":"a@b.de","email":"c@b.de"}', "username_invalid"],
    ["no address", '{"username":"jane","email":"x"}', "email_invalid"],
    ["no name", '{"username":"jane","name":"a\\u0000b"}', "name_invalid"],
    ["a sub like an option", '{"sub":"-x"}', "sub_invalid"],
    ["a sub with a space", '{"sub":"a b"}', "sub_invalid"],
    ["a sub that is too long", `{"sub":"${"a".repeat(256)}"}`, "sub_invalid"],
    ["no group", '{"username":"jane","groups":["a/b"]}', "group_invalid"],
    ["an administrator", '{"username":"jane","groups":["administrators"]}', "group_invalid"],
    ["a hash of another shape", '{"username":"jane","password_hash":7}', "hash_unsupported"],
  ])("SEC-107 %s is refused by its line, and the next one is read", async (_, line, code) => {
    const next = { username: "next", emailVerified: false };
    expect(await come(`${line}\n{"username":"next"}`, "jsonl")).toEqual([
      [1, code],
      [2, next],
    ]);
  });

  it("a line that never ends, or is no text, is refused and not held", async () => {
    const long = `{"username":"${"x".repeat(200_000)}"}\n{"username":"next"}`;
    const broken = Buffer.concat([Buffer.from('{"username":"'), Buffer.of(0xff), Buffer.from('"}\n')]);
    expect((await come(long, "jsonl")).map(([line, read]) => [line, typeof read])).toEqual([
      [1, "string"],
      [2, "object"],
    ]);
    expect(await come(broken, "jsonl")).toEqual([[1, "row_invalid"]]);
  });

  it("a username that is the account's own verified address is none", async () => {
    const text = '{"username":"Jane@Example.com","email":"jane@example.com","email_verified":true}';
    expect(await come(text)).toEqual([[1, { email: "jane@example.com", emailVerified: true }]]);
  });
});

describe("CSV", () => {
  const header = "username,email,email_verified,name,groups,password_hash";
  it("has a header, quotes, line breaks in fields, and groups with semicolons", async () => {
    const text = `\uFEFF${header}\r\njane,j@example.com,TRUE,"Doe, ""J"".","a; b ;",$2b$10$x\r\n\r\njoe,,,,,\r\n`;
    expect(await come(text)).toEqual([
      [
        2,
        {
          username: "jane",
          email: "j@example.com",
          emailVerified: true,
          name: 'Doe, "J".',
          groups: ["a", "b"],
          hash: "$2b$10$x",
        },
      ],
      [4, { username: "joe", emailVerified: false }],
    ]);
  });

  it.each([
    ["a field too many", "jane,,,,,,", "row_invalid"],
    ["a flag that is none", "jane,j@example.com,maybe,,,", "row_invalid"],
  ])("%s is refused by its line", async (_, line, code) => {
    expect((await come(`${header}\n${line}\njoe,,,,,\n`)).map(([, read]) => read)).toEqual([
      code,
      { username: "joe", emailVerified: false },
    ]);
  });

  it("keeps what was read as it was, with the header, for a file of rejects", async () => {
    const [input] = await read(`${header}\n"a b",,,,,\n`);
    expect([input?.header, input?.raw]).toEqual([header, '"a b",,,,,']);
  });

  it("a record with wrong quotes is refused, nothing of it is repeated, and the next one is read", async () => {
    const text = `${header}\njane,a"b$2b$10$secret,,,,\njoe,,,,,\n"jack,$2b$10$secret\n`;
    const found = await read(text);
    expect(found.map(({ read }) => (read instanceof LatchkeyError ? read.code : read.username))).toEqual([
      "row_invalid",
      "joe",
      "row_invalid",
    ]);
    for (const { read } of found) expect((read as Error).message ?? "").not.toContain("secret");
    expect(found[0]?.header).toBe(header);
  });

  it("without a header it is no CSV", async () => {
    await expect(read("jane,joe\n", "csv")).rejects.toMatchObject({ code: "row_invalid" });
  });
});

describe("a Keycloak export", () => {
  const credential = { credentialData: '{"algorithm":"argon2"}', secretData: '{"salt":""}' };
  const users = [
    {
      id: "7f3c",
      username: "jane@example.com",
      email: "jane@example.com",
      emailVerified: true,
      firstName: "Jane",
      lastName: "Doe",
      enabled: true,
      groups: ["/staff/sales"],
      credentials: [{ type: "otp" }, { type: "password", ...credential, id: "x" }],
      attributes: { users: ["no"], deep: [{ "]": '}\\"' }] },
    },
    { id: "8a", username: "joe", enabled: false },
    { id: "9", username: "j j" },
  ];

  it.each([
    ["on one line", JSON.stringify({ realm: "demo", roles: [{ users: [] }], users, clients: [{}] })],
    ["printed nicely", JSON.stringify({ realm: "demo", users }, undefined, 2)],
    ["with users alone", JSON.stringify({ users }, undefined, 1)],
  ])("is read %s", async (_, text) => {
    const rows = (await come(text)).map(([, row]) => row);
    expect(rows).toEqual([
      {
        sub: "7f3c",
        email: "jane@example.com",
        emailVerified: true,
        name: "Jane Doe",
        groups: ["staff.sales"],
        hash: credential,
      },
      { sub: "8a", username: "joe", emailVerified: false, disabled: true },
      "username_invalid",
    ]);
  });

  it("SEC-28 split anywhere it is the same", async () => {
    const text = JSON.stringify({ realm: "ü", users }, undefined, 2);
    const whole = await come(text);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 200 }), async (size) => {
        const found = await read(text, "keycloak", size);
        expect(found.map(({ read }) => (read instanceof LatchkeyError ? read.code : read))).toEqual(
          whole.map(([, row]) => row),
        );
      }),
      { numRuns: 100, seed: SEED },
    );
  });
});

it("SEC-28 SEC-108 whatever bytes come, each format reads them to the end or says that it cannot", async () => {
  const bits = fc.constantFrom(
    '{"users":[',
    '{"username":"a"}',
    "\n",
    '"',
    ",",
    "[",
    "]",
    "{",
    "}",
    "\\",
    "a",
    "é",
  );
  const text = fc
    .array(fc.oneof(bits, fc.string({ maxLength: 5 })), { maxLength: 30 })
    .map((all) => all.join(""));
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.constantFrom<Format | undefined>(undefined, "jsonl", "csv", "keycloak"),
      async (some, format) => {
        await read(some, format, 11).catch((error) => expect(error).toBeInstanceOf(LatchkeyError));
      },
    ),
    { numRuns: CASES / 4, seed: SEED },
  );
  expect(({} as Record<string, unknown>).groups).toBeUndefined();
});
