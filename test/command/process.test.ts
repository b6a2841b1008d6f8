/** The program as a process: streams, exit codes, signals. It runs from `dist`, as it is installed. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Browser } from "../support/browser.ts";
import { cleanEnvironment, logLine, type Program, startProgram } from "../support/program.ts";
import { freePort } from "../support/redis.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cli = join(root, "dist/cli.js");
const SECRET = "a root secret of the tests with more than 32 bytes";

let cwd: string;
let env: Record<string, string>;
let running: Program[];

beforeAll(() => {
  const { status, stdout, stderr } = spawnSync("node", ["build.js"], { cwd: root, encoding: "utf8" });
  expect(status, stdout + stderr).toBe(0);
}, 120_000);

beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), "latchkey-process-"));
  env = { LATCHKEY_PORT: String(await freePort()), LATCHKEY_SECRET: SECRET };
  running = [];
});
afterEach(() => {
  for (const program of running) program.clear();
  rmSync(cwd, { recursive: true, force: true });
});

function command(...words: string[]) {
  return spawnSync("node", [cli, ...words], { cwd, env: cleanEnvironment(env), encoding: "utf8", input: "" });
}

async function serve(extra: Record<string, string> = {}): Promise<Program> {
  const program = startProgram("node", [cli, "serve"], { cwd, env: { ...env, ...extra } });
  running.push(program);
  await program.line(logLine("listening"));
  return program;
}

const issuer = () => `http://localhost:${env.LATCHKEY_PORT}`;

/** A request that is being answered: the server has said that it waits for the body. */
async function halfRequest(): Promise<Socket> {
  const head =
    "POST /token HTTP/1.1\r\nHost: localhost:PORT\r\nContent-Type: application/x-www-form-urlencoded\r\n";
  return half(
    `${head.replace("PORT", env.LATCHKEY_PORT ?? "")}Content-Length: 3\r\nExpect: 100-continue\r\n\r\n`,
    "data",
  );
}

/** A connection that has sent this much. */
function half(text: string, until: "data" | "drain" = "drain"): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(env.LATCHKEY_PORT), "127.0.0.1");
    socket.once("error", reject).once("connect", () => {
      socket.write(text, () => until === "drain" && resolve(socket));
      if (until === "data") socket.once("data", () => resolve(socket));
    });
  });
}

/** Waits until nobody listens any more: the drain has begun. */
async function closed(): Promise<void> {
  while (await isListening());
}

function isListening(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(env.LATCHKEY_PORT), "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** Asks until the answer is the one that is waited for. */
async function until(ask: () => Promise<boolean>): Promise<void> {
  while (!(await ask()));
}

test("the document is on stdout, reasons are on stderr, and the codes are 0, 1 and 2", () => {
  const good = command("config", "print", "--json");
  expect({ status: good.status, stderr: good.stderr }).toEqual({ status: 0, stderr: "" });
  expect(JSON.parse(good.stdout)).toMatchObject({ port: { value: Number(env.LATCHKEY_PORT) } });
  const unknown = command("clients", "show", "nobody");
  expect(unknown).toMatchObject({ status: 1, stdout: "", stderr: "There is no such client.\n" });
  const wrong = command("clients", "shw");
  expect(wrong).toMatchObject({ status: 2, stdout: "" });
  expect(wrong.stderr).not.toMatch(/^\s+at /m);
  const unasked = command("clients", "remove", "nobody");
  expect(unasked).toMatchObject({ status: 2, stdout: "" });
});

test("a client that is added beside a running server can be used, changed and removed within a moment", async () => {
  const server = await serve();
  const callback = (redirect: string) =>
    `/auth?client_id=wiki&response_type=code&scope=openid&redirect_uri=${encodeURIComponent(redirect)}&code_challenge=${"x".repeat(43)}&code_challenge_method=S256`;
  const status = async (redirect: string) =>
    (await fetch(`${issuer()}${callback(redirect)}`, { redirect: "manual" })).status;
  const first = "https://wiki.example.com/cb";
  expect(await status(first)).toBe(400);
  const added = command("clients", "add", "--name", "Wiki", "--id", "wiki", "--redirect-uri", first);
  expect(added).toMatchObject({ status: 0, stderr: "" });
  expect(await status(first)).toBe(303);
  const updated = command("clients", "update", "wiki", "--redirect-uri", `${first}2`);
  expect(updated).toMatchObject({ status: 0, stderr: "" });
  await until(async () => (await status(`${first}2`)) === 303);
  expect(await status(first)).toBe(400);
  expect(command("clients", "remove", "wiki", "--yes").status).toBe(0);
  await until(async () => (await status(`${first}2`)) === 400);
  server.signal("SIGTERM");
  expect(await server.ended, server.said()).toBe(0);
});

test("SEC-31 what is packed with the program verifies attestations of each kind, and refuses what is broken", async () => {
  const server = await serve({ LATCHKEY_SIGN_UP: "open" });
  const broken = (statement: Map<string, unknown>) => {
    const signature = Buffer.from(statement.get("sig") as Buffer);
    signature.writeUInt8(signature.readUInt8(signature.length - 1) ^ 1, signature.length - 1);
    return statement.set("sig", signature);
  };
  const register = async (overrides: object, username: string) => {
    const browser = new Browser(issuer());
    const answer = await browser.perform(await browser.open("/sign-up"), { username }, overrides);
    return answer.json().code ?? answer.status;
  };
  for (const attestation of ["self", "x5c"]) {
    expect(await register({ attestation, statement: broken }, `${attestation}-broken`)).toBe(
      "registration_refused",
    );
    expect(await register({ attestation }, attestation)).toBe(200);
  }
  expect(await register({}, "none")).toBe(200);
  server.signal("SIGTERM");
  expect(await server.ended, server.said()).toBe(0);
});

test("a signal lets running requests end, then exits 0", async () => {
  const server = await serve();
  const request = await halfRequest();
  server.signal("SIGTERM");
  await closed();
  expect(server.survivors()).not.toEqual([]);
  const answer = new Promise<string>((resolve) => {
    request.once("data", (data) => resolve(String(data)));
  });
  request.write("a=b");
  expect(await answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(await server.ended, server.said()).toBe(0);
  expect(server.survivors()).toEqual([]);
});

test("SEC-123 a connection that never finishes its request does not hold up the stop", async () => {
  const server = await serve();
  const request = await half("GET /livez HTTP/1.1\r\nHost: localhost\r\n");
  request.on("error", () => {});
  server.signal("SIGTERM");
  expect(await server.ended, server.said()).toBe(0);
});

test("a second signal exits at once, unless it is the same key press", async () => {
  const server = await serve();
  const request = await halfRequest();
  server.signal("SIGINT");
  server.signal("SIGINT");
  await closed();
  expect(server.survivors()).not.toEqual([]);
  const impatience = setInterval(() => server.signal("SIGINT"), 50);
  expect(await server.ended).toBe(1);
  clearInterval(impatience);
  request.destroy();
});

test("a port that is taken exits 1, and the reason names the setting that chooses another", async () => {
  const server = await serve();
  const second = command("serve");
  expect(second).toMatchObject({ status: 1, stdout: "" });
  expect(second.stderr).toMatch(
    new RegExp(`^Port ${env.LATCHKEY_PORT} of 127\\.0\\.0\\.1 is taken .*LATCHKEY_PORT.*\\n$`),
  );
  expect(await isListening()).toBe(true);
  server.signal("SIGTERM");
  expect(await server.ended).toBe(0);
  env = { ...env, LATCHKEY_PORT: String(await freePort()) };
  await serve();
});

test("the lines of the start are there at every log level", async () => {
  const server = await serve({ LATCHKEY_LOG_LEVEL: "error" });
  expect(server.stdout.map((line) => JSON.parse(line).msg)).toEqual(["setup", "listening"]);
});

test("SEC-134 beside localhost the setup link is printed by its command alone, never by the server", async () => {
  env = { ...env, LATCHKEY_ISSUER: "https://id.example.com" };
  const refused = command("serve");
  expect(refused).toMatchObject({ status: 2, stdout: "" });
  expect(refused.stderr).toContain("latchkey setup");
  const { url } = JSON.parse(command("setup", "--json").stdout);
  expect(url).toMatch(/^https:\/\/id\.example\.com\/setup\/[\w-]{43}$/);
  const server = await serve({ LATCHKEY_LOG_LEVEL: "debug" });
  expect(await server.line(logLine("setup"))).toMatchObject({ run: "npx latchkey setup" });
  expect(server.said()).not.toContain("/setup/");
});
