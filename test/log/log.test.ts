import { describe, expect, test } from "vitest";
import { createLogger, type Fields, silentLogger } from "../../src/log.ts";

const clock = { now: () => Date.UTC(2026, 10, 22, 14) };

/** What a logger writes for some calls, as raw lines. */
async function written(
  say: (log: Awaited<ReturnType<typeof createLogger>>) => void,
  options: { level?: "debug" | "info" | "warn" | "error"; format?: "json" | "pretty" } = {},
): Promise<string[]> {
  const lines: string[] = [];
  const sink = { write: (line: string) => void lines.push(line) };
  say(await createLogger({ level: "info", format: "json", sink, clock, ...options }));
  return lines;
}

/** The one JSON line for some fields. */
async function logged(fields: Fields, message = "message"): Promise<Record<string, unknown>> {
  const [line = "", ...others] = await written((log) => log.info(fields, message));
  expect(others).toEqual([]);
  expect(line).toMatch(/^[^\n]*\n$/);
  return JSON.parse(line);
}

test("a line has level, time, fields and message, and no more", async () => {
  expect(await logged({ issuer: "https://id.example.com", port: 3000, ok: true }, "listening")).toEqual({
    level: "info",
    time: "2026-11-22T14:00:00.000Z",
    issuer: "https://id.example.com",
    port: 3000,
    ok: true,
    msg: "listening",
  });
});

test("lines below the level are not written", async () => {
  const all = (log: Awaited<ReturnType<typeof createLogger>>) => {
    for (const level of ["debug", "info", "warn", "error"] as const) log[level]({}, level);
  };
  const levels = async (level: "debug" | "info" | "warn" | "error") =>
    (await written(all, { level })).map((line) => JSON.parse(line).level);
  expect(await levels("debug")).toEqual(["debug", "info", "warn", "error"]);
  expect(await levels("warn")).toEqual(["warn", "error"]);
});

test("fields cannot take the place of the line's own members", async () => {
  const line = await logged({ msg: "forged", level: "error", time: 0, pid: 1 }, "true");
  expect(line).toMatchObject({ msg: "true", level: "info", msg_: "forged", level_: "error" });
});

test("the silent logger says nothing and takes everything", () => {
  for (const level of ["debug", "info", "warn", "error"] as const) {
    expect(silentLogger[level]({ any: "thing" }, "message")).toBeUndefined();
  }
});

describe("SEC-112 what a stranger sent stays in one short line", () => {
  const hostile = [
    'x\r\n{"level":"error","msg":"forged"}',
    "\u001b[2J\u001b[31mred\u001b[0m",
    "line\u2028separator\u2029paragraph",
    "\u0085next\u009bcontrol",
    "\u202etxt.exe\u2066",
    "NUL\0byte",
    '"},{"level":"error',
    "\ud800 lone",
    "x".repeat(10_000),
  ];

  test.each(hostile)("as JSON: %j", async (text) => {
    const line = await logged({ "user-agent": text, [`name${text}`]: 1, nested: { list: [text] } }, text);
    expect(line.level).toBe("info");
    const values = [line["user-agent"], line.msg, (line.nested as { list: string[] }).list[0]];
    for (const value of values) {
      expect(value).toEqual(expect.not.stringMatching(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u));
      expect(String(value).replace(/\\u[0-9a-f]{4}/g, ".").length).toBeLessThanOrEqual(256);
    }
  });

  test.each(hostile)("on a terminal: %j", async (text) => {
    const lines = (await written((log) => log.warn({ agent: text }, text), { format: "pretty" })).join("");
    expect(lines.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e]/u);
    expect(lines).not.toMatch(/^\{"level"/m);
    expect(lines.length).toBeLessThan(1200);
  });

  test("an ordinary text is left as it is", async () => {
    const text = "Zoë's phone — 2nd (работа) 🔑";
    expect(await logged({ name: text }, text)).toMatchObject({ name: text, msg: text });
  });

  test("depth and width end", async () => {
    const deep: Record<string, unknown> = {};
    deep.self = deep;
    const line = await logged({ deep, wide: Array.from({ length: 1000 }, (_, index) => index) });
    expect(JSON.stringify(line).length).toBeLessThan(1000);
  });
});

describe("SEC-113 secrets do not reach the log", () => {
  const canary = "c4n4ry-c4n4ry-c4n4ry";

  test.each([
    "password",
    "client_secret",
    "clientSecret",
    "secret",
    "access_token",
    "refreshToken",
    "id_token",
    "cookie",
    "set-cookie",
    "authorization",
    "Authorization",
    "challenge",
    "code_verifier",
    "privateKey",
    "private_key",
    "apiKey",
    "recovery_code",
    "recoveryCode",
    "pass",
    "passphrase",
    "otp",
    "code",
    "assertion",
  ])("the value of a member named %s", async (name) => {
    const line = JSON.stringify([
      await logged({ [name]: canary }),
      await logged({ at: { [name]: [canary] } }),
    ]);
    expect(line).not.toContain("c4n4ry");
    expect(line).toContain("[redacted]");
  });

  test.each([
    `https://app.example.com/cb?code=${canary}&state=x`,
    `/auth?id_token_hint=${canary}`,
    `Bearer ${canary}`,
    `Basic ${canary}`,
    `redis://user:${canary}@redis.example.com:6379`,
    `smtps://${canary}@mail.example.com`,
  ])("in the middle of a text: %s", async (text) => {
    const cause = new Error(text);
    const line = await logged({ path: text, err: new Error("outer", { cause }) }, `failed: ${text}`);
    expect(JSON.stringify(line)).not.toContain("c4n4ry");
  });

  test("what only looks like one is kept", async () => {
    const fields = {
      code: "authentication_failed",
      passkey: "abc",
      account: "def",
      passwords: 3,
      url: "http://localhost:3000/setup/abc",
      path: "/auth?client_id=wiki&scope=openid",
    };
    expect(await logged(fields)).toMatchObject(fields);
    expect(await logged({ code: "ECONNREFUSED" })).toMatchObject({ code: "ECONNREFUSED" });
  });

  test("an error gives type, code, message, frames and causes, but no other members", async () => {
    const error = Object.assign(new Error("outer", { cause: new RangeError("inner") }), {
      code: "EPIPE",
      request: canary,
    });
    const { err } = await logged({ err: error });
    expect(err).toMatchObject({
      type: "Error",
      code: "EPIPE",
      message: "outer",
      cause: { type: "RangeError", message: "inner" },
    });
    expect((err as { stack: string[] }).stack.length).toBeGreaterThan(0);
    expect(JSON.stringify(err)).not.toContain(canary);
  });

  test("bytes are counted, not written", async () => {
    expect(await logged({ body: Buffer.from(canary) })).toMatchObject({ body: `[${canary.length} bytes]` });
  });
});
