/** The operator's ways to let people in: temporary passes and invitations. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accounts } from "../../src/account/accounts.ts";
import { systemClock } from "../../src/clock.ts";
import { passkey } from "../account/samples.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { type Operator, operator } from "./operator.ts";

const SECRET = "a root secret of the tests with more than 32 bytes";

describe.each(stores)("ways in on $name", ({ open }) => {
  let opened: OpenStore;
  let admin: Operator;
  let id: string;
  beforeAll(async () => {
    opened = await open();
    admin = operator({ LATCHKEY_STORE: opened.url, LATCHKEY_SECRET: SECRET });
    await admin.run("setup");
    const people = accounts({ store: opened.store, clock: systemClock });
    ({ id } = await people.create({ username: "jane", passkey: passkey("jane-1") }));
  });
  afterAll(async () => {
    admin.remove();
    await opened.close();
  });

  const inHours = (iso: unknown) => (Date.parse(String(iso)) - Date.now()) / 3_600_000;

  test("pass issue prints the pass once, with a link that carries it behind the #", async () => {
    const issued = await admin.run("pass", "issue", "jane", "--ttl", "2h", "--json");
    expect(issued.code, issued.err).toBe(0);
    const { pass, url, expires } = issued.json();
    expect(pass).toMatch(/^([0-9A-HJKMNP-TV-Z]{5}-){5}[0-9A-HJKMNP-TV-Z]$/);
    expect(url).toBe(`http://localhost:3000/pass#jane/${pass}`);
    expect(inHours(expires)).toBeGreaterThan(1.9);
    expect(inHours(expires)).toBeLessThan(2.1);
    const listed = await admin.run("pass", "list", "--json");
    expect(listed.out).not.toContain(String(pass));
    expect(JSON.parse(listed.out)).toMatchObject([{ account: id, username: "jane", by: "cli" }]);
  });

  test("a pass works for an hour unless something else is said, and never longer than the setting allows", async () => {
    expect(inHours((await admin.run("pass", "issue", id, "--json")).json().expires)).toBeLessThan(1.1);
    for (const [ttl, code] of [
      ["24h", 0],
      ["25h", 2],
      ["soon", 2],
      ["0", 2],
    ] as const) {
      const issued = await admin.run("pass", "issue", "jane", "--ttl", ttl);
      expect(issued.code, `${ttl}: ${issued.err}`).toBe(code);
      if (code !== 0) expect(issued.err).toContain("--ttl");
    }
  });

  test("pass revoke takes it back, and says so when there was none", async () => {
    await admin.run("pass", "issue", "jane");
    expect((await admin.run("pass", "revoke", "jane", "--json")).json()).toEqual({ id, revoked: 1 });
    expect((await admin.run("pass", "revoke", "jane")).out).toBe("jane: no pass.\n");
    expect((await admin.run("pass", "list")).out).toBe("No pass works now.\n");
  });

  test("nobody gets a pass who is not there", async () => {
    const issued = await admin.run("pass", "issue", "nobody", "--json");
    expect([issued.code, issued.json().code]).toEqual([1, "account_unknown"]);
  });

  test("accounts invite prints a link that works for three days", async () => {
    const invited = await admin.run(
      "accounts",
      "invite",
      "--email",
      "kim@example.com",
      "--verified",
      "--json",
    );
    expect(invited.code, invited.err).toBe(0);
    const { url, expires } = invited.json();
    expect(url).toMatch(/^http:\/\/localhost:3000\/invite\/[\w-]{43}$/);
    expect(inHours(expires)).toBeGreaterThan(71);
    expect((await admin.run("accounts", "invite")).out).toMatch(/^invitation +http/m);
  });

  test("accounts invite says what is wrong with it", async () => {
    const codes = [
      ["--email", "nonsense"],
      ["--verified"],
      ["--username", "no spaces"],
      ["jane"],
      ["jane", "--name", "Jane"],
      ["nobody"],
    ].map(async (words) => {
      const { code, err } = await admin.run("accounts", "invite", ...words);
      return [code, err.trim() !== ""];
    });
    expect(await Promise.all(codes)).toEqual([
      [1, true],
      [2, true],
      [1, true],
      [1, true],
      [2, true],
      [1, true],
    ]);
  });
});
