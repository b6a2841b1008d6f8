/** Sealing under running processes: what they answer, what they have loaded, and one that sleeps through it. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cleanEnvironment, logLine, type Program, startProgram } from "../support/program.ts";
import { freePort } from "../support/redis.ts";
import { type OpenStore, stores } from "../support/stores.ts";
import { HASHES } from "./place.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cli = join(root, "dist/cli.js");
const SECRET = "a root secret of the tests with more than 32 bytes";

beforeAll(() => {
  const { status, stdout, stderr } = spawnSync("node", ["build.js"], { cwd: root, encoding: "utf8" });
  expect(status, stdout + stderr).toBe(0);
}, 120_000);

describe.each(stores)("sealing $name under running processes", ({ open }) => {
  let opened: OpenStore;
  const running: Program[] = [];
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(async () => {
    for (const program of running) program.clear();
    await opened.close();
  });
  const env = (port = 1) => ({
    LATCHKEY_STORE: opened.url,
    LATCHKEY_SECRET: SECRET,
    LATCHKEY_PORT: String(port),
    LATCHKEY_ISSUER: "http://localhost:3999",
  });

  async function serve(): Promise<{ program: Program; pid: number; port: number }> {
    const port = await freePort();
    const program = startProgram("node", [cli, "serve"], { env: env(port) });
    running.push(program);
    await program.line(logLine("listening"));
    return { program, port, pid: program.survivors()[0] ?? 0 };
  }

  const command = (input: string, ...words: string[]) => {
    const options = { env: cleanEnvironment(env()), encoding: "utf8", input } as const;
    const { status, stdout, stderr } = spawnSync("node", [cli, ...words, "--json"], options);
    return { code: status, document: JSON.parse(stdout || "{}") as Record<string, unknown>, stderr };
  };

  /** What the password path answers: 404 once it is gone, otherwise whatever it says to a stranger. */
  const status = async (port: number) => {
    const { request } = await import("node:http");
    const asked = request({ port, host: "127.0.0.1", path: "/sign-in/password", method: "POST" });
    asked.setHeader("host", "localhost:3999");
    asked.setHeader("origin", "http://localhost:3999");
    asked.setHeader("content-type", "application/json");
    asked.end(JSON.stringify({ username: "jane", password: "wrong" }));
    const [answer] = await once(asked, "response");
    answer.resume();
    return answer.statusCode as number;
  };

  /** Native libraries of the room, by the files that the process has mapped (Linux). */
  const hashing = (pid: number) => /argon2|bcrypt/.test(readFileSync(`/proc/${pid}/maps`, "utf8"));

  it("an import that is killed goes on where it was, and leaves nothing half done", async () => {
    const folder = mkdtempSync(join(tmpdir(), "latchkey-import-"));
    const file = join(folder, "people.jsonl");
    const people = Array.from({ length: 3000 }, (_, n) => ({ sub: `s${n}`, username: `killed${n}` }));
    const lines = people.map((one) => JSON.stringify({ ...one, password_hash: HASHES.bcrypt }));
    writeFileSync(file, lines.join("\n"));
    const options = { env: cleanEnvironment(env()), stdio: "ignore" } as const;
    const importing = spawn("node", [cli, "accounts", "import", file], options);
    const store = await opened.reopen();
    await expect.poll(() => store.read("account:s100"), { interval: 5, timeout: 60_000 }).toBeDefined();
    importing.kill("SIGKILL");
    await once(importing, "close");
    const { document } = command("", "accounts", "import", file);
    expect(document).toMatchObject({ read: 3000, refused: [] });
    for (const { sub } of people) {
      expect(await store.read(`password:${sub}`), sub).toBeDefined();
      const account = await store.read<{ state: string; password: object }>(`account:${sub}`);
      expect(account?.value, sub).toMatchObject({ state: "active", password: { state: "open" } });
    }
    rmSync(folder, { recursive: true });
  });

  it("SEC-142 an instance and an import that were stopped meanwhile find it sealed, and nothing is left of it", async () => {
    const jane = JSON.stringify({ username: "jane", password_hash: HASHES.bcrypt });
    expect(command(jane, "accounts", "import", "-").document).toMatchObject({ created: 1 });
    const [awake, asleep] = [await serve(), await serve()];
    expect(await status(awake.port)).not.toBe(404);
    expect(await status(asleep.port)).not.toBe(404);
    expect([hashing(awake.pid), hashing(asleep.pid)]).toEqual([true, true]);

    const options = { env: cleanEnvironment(env()), stdio: "pipe" } as const;
    const importing = spawn("node", [cli, "accounts", "import", "-", "--json"], options);
    let said = "";
    importing.stdout.on("data", (chunk) => {
      said += chunk;
    });
    // Two lines about one account end a batch, and enough bytes the look at what they are.
    const padding = JSON.stringify({ username: "pad", name: "x".repeat(120) });
    importing.stdin.write(`${jane}\n${`${padding}\n`.repeat(600)}`);
    await expect
      .poll(() => command("", "accounts", "show", "pad").code, { interval: 300, timeout: 30_000 })
      .toBe(0);
    importing.kill("SIGSTOP");
    asleep.program.signal("SIGSTOP");

    command("", "passwords", "drop", "--all", "--yes");
    expect(command("", "passwords", "seal", "--yes").document).toMatchObject({ sealed: true });
    const since = performance.now();
    await expect.poll(() => status(awake.port), { interval: 50, timeout: 10_000 }).toBe(404);
    expect(performance.now() - since).toBeLessThan(3_000);

    asleep.program.signal("SIGCONT");
    await expect.poll(() => status(asleep.port), { interval: 50, timeout: 10_000 }).toBe(404);
    importing.kill("SIGCONT");
    importing.stdin.end(JSON.stringify({ username: "late", password_hash: HASHES.bcrypt }));
    await once(importing, "close");
    // It sees the seal before its next batch, or has lost its connection while it slept; it brings nothing either way.
    expect(said).toMatch(/"code": "(passwords_sealed|store_unavailable)"/);
    expect(command("", "accounts", "show", "late").code).toBe(1);
    const report = join(tmpdir(), `latchkey-proof-${process.pid}-${awake.port}.json`);
    expect(command("", "passwords", "prove", "--out", report).document).toMatchObject({ found: 0 });
    rmSync(report);

    // What is loaded stays loaded; a start afterwards loads nothing of it.
    const fresh = await serve();
    expect([hashing(awake.pid), hashing(fresh.pid)]).toEqual([true, false]);
    expect(await status(fresh.port)).toBe(404);
    const { document } = command("", "doctor");
    expect(document.checks).toContainEqual(expect.objectContaining({ name: "passwords", ok: true }));
  }, 180_000);
});
