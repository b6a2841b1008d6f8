/** The program as an operator meets it: what it prints, how it stops, what it refuses. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { stripVTControlCharacters } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";
import { logLine, type Program, startProgram } from "../support/program.ts";
import { freePort } from "../support/redis.ts";
import { stores } from "../support/stores.ts";

/** Starting a server twice may wait for a build and for its neighbours on a small machine. */
vi.setConfig({ testTimeout: 60_000 });

const SECRET = "root-secret-of-the-tests-with-more-than-32-bytes";
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-process-"));
  cleanUps.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function npmStart(env: Record<string, string>): Program {
  return started(startProgram("npm", ["start"], { env }));
}

function started(program: Program): Program {
  cleanUps.push(() => program.clear());
  return program;
}

async function settings(store: string): Promise<Record<string, string> & { LATCHKEY_PORT: string }> {
  return { LATCHKEY_STORE: store, LATCHKEY_PORT: String(await freePort()), LATCHKEY_SECRET: SECRET };
}

async function freshLmdb() {
  return settings(`lmdb:${await temporaryFolder()}`);
}

async function json(url: string): Promise<Record<string, unknown>> {
  const answer = await fetch(url);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Record<string, unknown>;
}

describe.each(stores)("npm start on $name", ({ open }) => {
  test("tells setup link and listener as JSON lines, stops on SIGTERM and keeps its data", async () => {
    const { url, close } = await open();
    cleanUps.push(close);
    const env = await settings(url);
    const issuer = `http://localhost:${env.LATCHKEY_PORT}`;

    const first = npmStart(env);
    const listening = await first.line(logLine("listening"));
    expect(listening).toMatchObject({ issuer, port: Number(env.LATCHKEY_PORT), store: expect.any(String) });
    const messages = first.stdout.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line).msg);
    expect(messages.indexOf("setup")).toBe(messages.indexOf("listening") - 1);
    const setup = await first.line(logLine("setup"));
    expect(setup.url).toMatch(new RegExp(`^${issuer}/setup/[\\w-]{22,}$`));

    expect((await fetch(`${issuer}/livez`)).status).toBe(200);
    expect((await fetch(`${issuer}/readyz`)).status).toBe(200);
    expect((await fetch(String(setup.url))).status).toBe(200);
    expect(await json(`${issuer}/.well-known/openid-configuration`)).toMatchObject({ issuer });
    const keys = await json(`${issuer}/jwks`);

    first.signal("SIGTERM");
    expect(await first.ended, first.said()).toBe(0);
    expect(first.survivors()).toEqual([]);

    const second = npmStart(env);
    await second.line(logLine("listening"));
    expect(await json(`${issuer}/jwks`)).toEqual(keys);
    second.signal("SIGINT");
    expect(await second.ended, second.said()).toBe(0);
    expect(second.survivors()).toEqual([]);
  });
});

test("Ctrl-C, which reaches the server from the terminal and from npm, lets a running request end", async () => {
  const env = await freshLmdb();
  const program = npmStart(env);
  await program.line(logLine("listening"));
  const head = `POST /token HTTP/1.1\r\nHost: localhost:${env.LATCHKEY_PORT}\r\nConnection: close\r\n`;
  const request = connect(Number(env.LATCHKEY_PORT), "127.0.0.1");
  cleanUps.push(() => request.destroy());
  const answer = text(request);
  const sent = `${head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\n\r\ngrant_`;
  await new Promise((resolve) => request.write(sent, resolve));
  await fetch(`http://localhost:${env.LATCHKEY_PORT}/livez`); // by now the server has read what came before it

  program.interrupt();
  await vi.waitUntil(() => isClosed(Number(env.LATCHKEY_PORT)));
  request.write("type=x");
  expect(await answer).toMatch(/^HTTP\/1.1 4\d\d /);
  expect(await program.ended, program.said()).toBe(0);
  expect(program.survivors()).toEqual([]);
});

/** True when nobody listens on the port. */
function isClosed(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(port, "127.0.0.1", () => resolve(false)).on("error", () => resolve(true));
    probe.once("connect", () => probe.destroy());
  });
}

test("without the root secret it was made with, a store is refused", async () => {
  const env = await freshLmdb();
  const right = npmStart(env);
  await right.line(logLine("listening"));
  right.signal("SIGTERM");
  expect(await right.ended).toBe(0);
  const wrong = npmStart({ ...env, LATCHKEY_SECRET: `another ${SECRET}` });
  expect(await wrong.ended).toBe(2);
  expect(wrong.stderr.join("\n")).toMatch(/secret/i);
  expect(wrong.said()).not.toContain(SECRET);
});

test("on a terminal it prints lines for people", async () => {
  const env = await freshLmdb();
  // `script` (util-linux, part of every Debian) gives the program a terminal and copies what it prints.
  const program = started(startProgram("script", ["-qefc", "npm start", "/dev/null"], { env }));
  const issuer = `http://localhost:${env.LATCHKEY_PORT}`;
  const plain = (line: string) => stripVTControlCharacters(line).trimEnd();
  const line = (pattern: RegExp) => program.line((text) => pattern.exec(plain(text)) ?? undefined);
  await line(new RegExp(`^issuer +${issuer}$`));
  await line(/^store +\S*lmdb/);
  await line(new RegExp(`^demo.* ${issuer}/demo$`));
  await line(new RegExp(`^setup +${issuer}/setup/[\\w-]{22,}$`));
  expect(program.stdout.filter((text) => text.startsWith("{"))).toEqual([]);
});

test("a broken configuration ends it with exit code 2 and every problem on stderr", async () => {
  const env = await freshLmdb();
  const program = npmStart({
    ...env,
    LATCHKEY_ISSUER: "https://10.0.0.1/path?query",
    LATCHKEY_PORT: "70000",
    LATCHKEY_WORKERS: "4",
    LATCHKEY_SIGNUP: "open",
  });
  expect(await program.ended).toBe(2);
  const reason = program.stderr.join("\n");
  for (const name of ["LATCHKEY_ISSUER", "LATCHKEY_PORT", "LATCHKEY_WORKERS", "LATCHKEY_SIGNUP"]) {
    expect(reason).toContain(name);
  }
  expect(reason).toContain("LATCHKEY_SIGN_UP");
  expect(reason).not.toMatch(/^\s+at /m);
  expect(program.survivors()).toEqual([]);
});

test("a port that is taken ends it with exit code 1 and says which", async () => {
  const env = await freshLmdb();
  const other = createServer().listen(Number(env.LATCHKEY_PORT), "127.0.0.1");
  cleanUps.push(() => other.close());
  const program = npmStart(env);
  expect(await program.ended).toBe(1);
  expect(program.stderr.join("\n")).toContain(env.LATCHKEY_PORT);
});
