/**
 * The documentation is true: its commands run and its programs type-check.
 *
 * Every ```sh block and every line after a `$ ` in a ```console block of README.md, CONTRIBUTING.md and docs/*.md is
 * carried out in one copy of the project, in the order of the pages; every ```ts block, there and in the comments of
 * `src`, is compiled against the sources. What is only to be looked at stands in a block without a language.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { cleanEnvironment, logLine, type Program, startProgram } from "./support/program.ts";
import { freePort, type RedisServer, startRedis } from "./support/redis.ts";
import { copyTree } from "./support/tree.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const pages = ["README.md", "CONTRIBUTING.md", ...list("docs", ".md")];
const sources = list("src", ".ts");

interface Block {
  page: string;
  language: string;
  text: string;
}

function list(folder: string, extension: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(extension))
    .map((name) => join(folder, name))
    .sort();
}

/** Fenced blocks; in a source file the stars of the comment are taken off. */
function blocksOf(page: string): Block[] {
  const text = existsSync(join(root, page)) ? readFileSync(join(root, page), "utf8") : "";
  const bare = page.endsWith(".ts") ? text.replace(/^ *\* ?/gm, "") : text;
  return [...bare.matchAll(/^ *```(\w+)[^\n]*\n([\s\S]*?)^ *```/gm)].map(([, language = "", block = ""]) => ({
    page,
    language,
    text: block,
  }));
}

/** The commands of a block: continued lines joined, comments and output taken off. */
function commandsOf({ language, text }: Block): string[] {
  const lines = text.replace(/\\\n/g, " ").split("\n");
  const typed = language === "console" ? lines.filter((line) => /^\s*\$ /.test(line)) : lines;
  return typed
    .map((line) =>
      line
        .replace(/^\s*\$ /, "")
        .replace(/(^|\s)#.*$/, "")
        .trim(),
    )
    .filter((line) => line !== "")
    .flatMap((line) => line.split(/ && /));
}

describe("commands", () => {
  const shell = pages.flatMap(blocksOf).filter(({ language }) => ["sh", "console"].includes(language));
  const folder = mkdtempSync(join(tmpdir(), "latchkey-readme-"));
  const shared = { redis: undefined as RedisServer | undefined, server: undefined as Program | undefined };

  afterAll(async () => {
    shared.server?.clear();
    await shared.redis?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function startServer(command: string, env: Record<string, string>): Promise<void> {
    shared.server = startProgram("sh", ["-c", `exec ${command}`], { cwd: folder, env });
    await shared.server.line(logLine("listening"));
  }

  async function stopServer(): Promise<void> {
    const { server } = shared; // stays named until it is gone, so that afterAll can end one that hangs
    server?.interrupt();
    // npx itself ends by the signal; what it started has to be gone all the same.
    expect([0, "SIGINT"], server?.said()).toContain((await server?.ended) ?? 0);
    expect(server?.survivors() ?? []).toEqual([]);
    shared.server = undefined;
  }

  function carryOut(command: string, env: Record<string, string>): string {
    const options = { cwd: folder, env: cleanEnvironment(env), encoding: "utf8" } as const;
    const { status, stdout, stderr } = spawnSync("sh", ["-c", command], options);
    expect(status, `${command}\n${stdout}${stderr}`).toBe(0);
    return stdout;
  }

  /** What an `export` line sets, evaluated once, as the reader's shell would. */
  function exported(command: string, env: Record<string, string>): Record<string, string> {
    const names = [...command.matchAll(/\b([A-Z_]+)=/g)].map(([, name = ""]) => name);
    const values = carryOut(
      `${command} && printf '%s\\n' ${names.map((name) => `"$${name}"`).join(" ")}`,
      env,
    );
    return Object.fromEntries(
      values.split("\n").flatMap((value, i) => (names[i] ? [[names[i], value]] : [])),
    );
  }

  async function follow(command: string, env: Record<string, string>): Promise<Record<string, string>> {
    const [first = "", second = ""] = command.split(" ");
    if (first === "export") return { ...env, ...exported(command, env) };
    if (command === "npm ci")
      carryOut("node build.js", env); // the packages are linked, the rest is `prepare`
    else if (/\b(npm start|latchkey serve)$/.test(command)) await startServer(command, env);
    else if (/^npm (test|run)/.test(command))
      expect(manifest.scripts).toHaveProperty(second === "run" ? command.split(" ")[2]! : second);
    else if (first === "npx" && second !== "latchkey")
      expect(existsSync(join(root, "node_modules/.bin", second))).toBe(true);
    else if (first === "node" || first.startsWith("."))
      expect(existsSync(join(root, second || first))).toBe(true);
    else if (first === "docker") expect(existsSync(join(root, "Dockerfile"))).toBe(true);
    else if (!/^(git clone|cd) /.test(command)) carryOut(command, env);
    return env;
  }

  /** Where a page names a Redis, one is there. */
  async function withRedis(command: string): Promise<string> {
    if (!/redis:\/\//.test(command)) return command;
    shared.redis ??= await startRedis();
    return command.replace(/redis:\/\/[\w.-]+:\d+\/0/, shared.redis.url);
  }

  test("the README has the two commands that start everything", () => {
    const readme = shell.filter(({ page }) => page === "README.md").flatMap(commandsOf);
    expect(readme).toContain("npm ci");
    expect(readme).toContain("npm start");
  });

  test("commands are read without their output and comments", () => {
    const text = "$ npx latchkey clients list   # all of them\nwiki  Wiki\n$ a \\\n  b\n";
    expect(commandsOf({ page: "", language: "console", text })).toEqual([
      "npx latchkey clients list",
      "a    b",
    ]);
    expect(commandsOf({ page: "", language: "sh", text: "# why\nnpm ci && npm start\n" })).toEqual([
      "npm ci",
      "npm start",
    ]);
  });

  test.each(shell)("$page: $text", { timeout: 120_000 }, async (block) => {
    if (!existsSync(join(folder, "package.json"))) copyTree(folder);
    let env: Record<string, string> = { LATCHKEY_PORT: String(await freePort()) };
    for (const command of commandsOf(block)) env = await follow(await withRedis(command), env);
    await stopServer();
  });
});

describe("programs", () => {
  const folder = join(root, ".tmp", `readme-${process.pid}`);
  const inPages = pages.flatMap(blocksOf).filter(({ language }) => language === "ts");
  const inComments = sources.flatMap(blocksOf).filter(({ text }) => /^import /m.test(text));

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Compiles programs against the sources; empty when they are right. */
  function compile(programs: Block[]): string {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [index, { page, text }] of programs.entries()) {
      writeFileSync(join(folder, `${page.replace(/\W/g, "-")}-${index}.ts`), `${text}\nexport {};\n`);
    }
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(configuration()));
    const tsc = join(root, "node_modules/.bin/tsc");
    return spawnSync(tsc, ["-p", folder], { cwd: folder, encoding: "utf8" }).stdout;
  }

  /** The names of `package.json`'s exports, led to the sources they are built from. */
  function configuration() {
    const names = Object.entries<{ default: string }>(manifest.exports).filter(
      ([, to]) => typeof to === "object",
    );
    const paths = names.map(([name, to]) => [
      name.replace(/^\./, "latchkey"),
      [join(root, to.default.replace(/^\.\/dist\/(.*)\.js$/, "src/$1.ts"))],
    ]);
    const compilerOptions = { noEmit: true, incremental: false, tsBuildInfoFile: null, rootDir: root };
    return {
      extends: join(root, "tsconfig.json"),
      compilerOptions: { ...compilerOptions, paths: Object.fromEntries(paths) },
      include: ["*.ts"],
      exclude: [],
    };
  }

  test("the examples type-check against the sources", { timeout: 60_000 }, () => {
    expect(inComments.length).toBeGreaterThan(0);
    expect(compile([...inPages, ...inComments])).toBe("");
  });

  test("a program that does not fit would be seen", () => {
    const text = 'import { refuse } from "latchkey/errors";\nrefuse("no_such_code");\n';
    expect(compile([{ page: "wrong", language: "ts", text }])).toContain("no_such_code");
  });
});
