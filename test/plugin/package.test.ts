/** The package as an adopter gets it: packed, judged by the usual judges, and installed into an empty project. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cleanEnvironment } from "../support/program.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** What an adopter may be asked to download: the packed size, and the unpacked one. */
const PACKED = 960_000;
const UNPACKED = 5_000_000;

describe("the packed package", () => {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-package-"));
  const project = join(folder, "project");
  let tarball: string;

  function run(command: string, args: string[], cwd = folder) {
    const { status, stdout, stderr } = spawnSync(command, args, {
      cwd,
      encoding: "utf8",
      env: cleanEnvironment(),
    });
    expect(status, `${command} ${args.join(" ")}\n${stdout}${stderr}`).toBe(0);
    return stdout;
  }
  const program = (text: string) => run(process.execPath, ["--input-type=module", "-e", text], project);

  beforeAll(() => {
    run(process.execPath, ["build.js"], root);
    run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], root);
    tarball = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) as string);
    run("mkdir", [project]);
    writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
    const peers = ["koa", "oidc-provider"].map((name) => `${name}@${manifest.peerDependencies[name]}`);
    const types = ["@types/oidc-provider", "@types/node"].map(
      (name) => `${name}@${manifest.devDependencies[name]}`,
    );
    const how = ["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    run("npm", ["install", ...how, tarball, ...peers, ...types], project);
  }, 180_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("publint has nothing to say", async () => {
    const bytes = readFileSync(tarball);
    const { messages } = await publint({
      pack: { tarball: bytes.buffer.slice(bytes.byteOffset) as ArrayBuffer },
    });
    expect(messages).toEqual([]);
  });

  test("its types resolve wherever its modules do (attw, for projects of ES modules)", () => {
    run(join(root, "node_modules/.bin/attw"), [tarball, "--profile", "esm-only", "--quiet"], root);
  });

  test("compiles in a strict project that checks its libraries, too", () => {
    const text = readFileSync(join(root, "docs/plugin.md"), "utf8");
    const [, first = ""] = /```ts\n([\s\S]*?)```/.exec(text) ?? [];
    writeFileSync(join(project, "first.ts"), first);
    const strict = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2023", "--types", "node"];
    run(join(root, "node_modules/.bin/tsc"), [...strict, "first.ts"], project);
  });

  test("has no side effect and no driver until one is asked for", () => {
    const loaded = program(`
      const { passkeys } = await import("latchkey");
      const handles = process.getActiveResourcesInfo().filter((name) => /Timer|Timeout|Socket|Server/.test(name));
      const drivers = process.report.getReport().sharedObjects.filter((name) => /lmdb|argon2|bcrypt/.test(name));
      console.log(JSON.stringify({ type: typeof passkeys, handles, drivers }));
    `);
    expect(JSON.parse(loaded)).toEqual({ type: "function", handles: [], drivers: [] });
    const after = program(`
      const { lmdbStore } = await import("latchkey/lmdb");
      const store = lmdbStore("./data");
      const drivers = process.report.getReport().sharedObjects.filter((name) => /lmdb/.test(name));
      await store.close();
      console.log(drivers.length);
    `);
    expect(Number(after)).toBe(1);
  });

  test("runs there: the ten lines give a provider with a sign-in page", () => {
    const answered = program(`
      import { createServer } from "node:http";
      import { passkeys } from "latchkey";
      import { lmdbStore } from "latchkey/lmdb";
      import Provider from "oidc-provider";
      const store = lmdbStore("./data");
      const server = createServer().listen(0);
      const issuer = "http://localhost:" + server.address().port;
      const find = async (id) => ({ accountId: id, claims: () => ({ sub: id }) });
      const keys = passkeys({ issuer, accounts: { find }, store });
      const provider = new Provider(issuer, keys.configuration({ cookies: { keys: ["a key"] } }));
      keys.mount(provider);
      server.on("request", provider.callback());
      const page = await (await fetch(issuer + "/sign-in", { headers: { accept: "text/html" } })).text();
      console.log(/data-ceremony="authentication"/.test(page));
      await keys.close();
      server.close();
      server.closeAllConnections();
      await store.close();
    `);
    expect(answered.trim().endsWith("true")).toBe(true);
  });

  test("is as small as it was", () => {
    const packed = statSync(tarball).size;
    const installed = join(project, "node_modules/latchkey");
    const unpacked = readdirSync(installed, { recursive: true, encoding: "utf8" })
      .map((name) => statSync(join(installed, name)))
      .filter((entry) => entry.isFile())
      .reduce((sum, { size }) => sum + size, 0);
    console.log(
      `latchkey-${manifest.version}.tgz: ${Math.ceil(packed / 1000)} kB, unpacked ${Math.ceil(unpacked / 1000)} kB`,
    );
    expect(packed).toBeLessThan(PACKED);
    expect(unpacked).toBeLessThan(UNPACKED);
  });
});
