import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { table } from "../../src/command/terminal.ts";
import { operator } from "./operator.ts";

const nobody = operator();
afterAll(() => nobody.remove());

const commands = [
  ["serve"],
  ["setup"],
  ["clients", "add"],
  ["clients", "list"],
  ["clients", "show"],
  ["clients", "update"],
  ["clients", "remove"],
  ["accounts", "import"],
  ["accounts", "list"],
  ["accounts", "show"],
  ["accounts", "invite"],
  ["passwords", "status"],
  ["passwords", "drop"],
  ["passwords", "purge"],
  ["passwords", "seal"],
  ["passwords", "prove"],
  ["pass", "issue"],
  ["pass", "revoke"],
  ["pass", "list"],
  ["groups", "add"],
  ["groups", "list"],
  ["groups", "members"],
  ["groups", "remove"],
  ["keys", "list"],
  ["keys", "rotate"],
  ["keys", "retire"],
  ["migrate", "status"],
  ["migrate", "up"],
  ["migrate", "verify"],
  ["store", "copy"],
  ["store", "backup"],
  ["store", "restore"],
  ["store", "verify"],
  ["audit", "tail"],
  ["audit", "export"],
  ["audit", "verify"],
  ["config", "print"],
  ["doctor"],
];

describe("help", () => {
  test.each(commands.map((words) => [words.join(" ")]))(
    "%s --help prints its usage and --json, and exits 0",
    async (line) => {
      const { code, out, err } = await nobody.run(...line.split(" "), "--help");
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out).toMatch(new RegExp(`^Usage: latchkey ${line} `));
      expect(out).toContain("--json");
    },
  );

  test.each([["--help"], ["help"], ["clients --help"], ["help clients"], ["--version"]])(
    "latchkey %s exits 0",
    async (line) => {
      const { code, out, err } = await nobody.run(...line.split(" "));
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out).not.toBe("");
    },
  );

  test.each([
    ["pass issue", "(default: 1h)"],
    ["accounts invite", "(default: 3d)"],
    ["passwords prove", "(default: none)"],
  ])("%s --help tells a default as one would type or say it", async (line, words) => {
    const { out } = await nobody.run(...line.split(" "), "--help");
    expect(out.replace(/\s+/g, " ")).toContain(words);
  });

  test("the help names every command there is and no other", async () => {
    const { out } = await nobody.run("--help");
    const named = [...out.slice(out.indexOf("Commands:")).matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name);
    expect(named).toEqual([...new Set(commands.map(([first]) => first)), "help"]);
  });
});

describe("wrong usage exits 2 with the reason on stderr", () => {
  test.each([
    ["", "command"],
    ["clients", "command"],
    ["clinets list", "unknown command"],
    ["clients lst", "unknown command"],
    ["clients list --jsn", "unknown option"],
    ["clients list extra", "too many arguments"],
    ["clients add", "--name"],
    ["clients add --name", "argument missing"],
    ["clients add --name App --kind robot", "Allowed choices"],
    ["clients add --name App --auth-method magic", "Allowed choices"],
    ["clients show", "missing required argument"],
    ["clients remove app", "--yes"],
  ])("latchkey %s", async (line, reason) => {
    const { code, out, err } = await nobody.run(...line.split(" ").filter((word) => word !== ""));
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(reason);
    expect(err).not.toMatch(/^\s+at /m);
  });

  test("with --json the reason is also the one document on stdout", async () => {
    const { code, err, json } = await nobody.run("clients", "add", "--json");
    expect(code).toBe(2);
    expect(json()).toMatchObject({ code: "usage_invalid", title: expect.stringContaining("--name") });
    expect(err).toContain("--name");
  });

  test("SEC-112 nor can a table, whose columns stay aligned", () => {
    const name = "\\u001b[2J\\u009b1m\\u000ax";
    const shown = table([
      ["\u001b[2J\u009b1m\nx", "a"],
      ["y", "b"],
    ]);
    expect(shown).toBe(`${name}  a\n${"y".padEnd(name.length)}  b\n`);
  });

  test("SEC-112 nor can a document that is printed at it, which says the same with nothing to obey", async () => {
    const name = "\u009b2J\u202e\u007f";
    nobody.input = `${JSON.stringify({ username: "jane", [name]: "x" })}\n`;
    const { out, json } = await nobody.run("accounts", "import", "-", "--json");
    expect(JSON.stringify(json())).toContain(name);
    expect(out).not.toMatch(/[\u007f-\u009f\u202a-\u202e]/);
  });

  test("SEC-112 what was typed cannot drive the terminal", async () => {
    const { code, err } = await nobody.run("clients", "\u001b[2J\u009b1m");
    expect(code).toBe(2);
    expect(err).toContain("\\u001b[2J");
    expect(err.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  });
});

describe("a wrong configuration exits 2 with every problem on stderr", () => {
  const wrong = operator({
    LATCHKEY_ISSUER: "https://10.0.0.1",
    LATCHKEY_PORT: "hunter2",
    LATCHKEY_SECRET: "hunter3",
    LATCHKEY_SIGNUP: "open",
  });
  afterAll(() => wrong.remove());
  const names = [
    "LATCHKEY_ISSUER",
    "LATCHKEY_PORT",
    "LATCHKEY_SECRET",
    "LATCHKEY_SIGNUP",
    "LATCHKEY_SIGN_UP",
  ];

  test.each([["serve"], ["setup"], ["clients list"], ["accounts list"], ["config print"]])(
    "latchkey %s",
    async (line) => {
      const { code, out, err } = await wrong.run(...line.split(" "));
      expect({ code, out }).toEqual({ code: 2, out: "" });
      for (const name of names) expect(err).toContain(name);
      expect(err.trimEnd().split("\n")).toHaveLength(5);
      expect(err).not.toContain("hunter3");
    },
  );

  test("as JSON the problems are a list", async () => {
    const { code, json } = await wrong.run("config", "print", "--json");
    expect(code).toBe(2);
    expect(json()).toMatchObject({ code: "configuration_invalid", problems: { length: 4 } });
  });

  test("the doctor lists each problem as a failed check and exits 1", async () => {
    const { code, json } = await wrong.run("doctor", "--json");
    const { ok, checks } = json() as {
      ok: boolean;
      checks: { name: string; ok: boolean; level: string; message: string }[];
    };
    expect({ code, ok }).toEqual({ code: 1, ok: false });
    const failed = checks.filter((check) => !check.ok);
    expect(failed.map(({ name, level }) => [name, level])).toEqual(Array(4).fill(["configuration", "error"]));
  });
});

test("config print shows value and source of every setting, and no secret", async () => {
  const some = operator({
    LATCHKEY_PORT: "3100",
    LATCHKEY_SECRET: "hunter2 hunter2 hunter2 hunter2 hunter2",
  });
  const { code, out } = await some.run("config", "print");
  const json = (await some.run("config", "print", "--json")).json();
  some.remove();
  expect(code).toBe(0);
  expect(out).toMatch(/^port +3100 +LATCHKEY_PORT$/m);
  expect(out).toMatch(/^issuer +http:\/\/localhost:3100 +default$/m);
  expect(json).toMatchObject({ port: { value: 3100, source: "LATCHKEY_PORT" }, secret: { value: ["***"] } });
  expect(out + JSON.stringify(json)).not.toContain("hunter2");
});

test("what --help loads is small: no store, no provider, no schema", () => {
  const seen = new Set<string>();
  const visit = (url: URL) => {
    if (seen.has(url.pathname)) return;
    seen.add(url.pathname);
    const source = readFileSync(url, "utf8");
    const imports = /^(?:(?:import|export) (?!type )[^;]*?from |const .* = await import\()"([^"]+)"/gm;
    for (const [, from = ""] of source.matchAll(imports)) {
      if (from.startsWith(".")) visit(new URL(from, url));
      else expect(from).toMatch(/^(node:|commander$)/);
    }
  };
  visit(new URL("../../src/cli.ts", import.meta.url));
  expect(seen.size).toBeGreaterThan(8);
});
