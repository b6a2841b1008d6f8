/**
 * The documentation is true: its commands run and its programs type-check.
 *
 * Every ```sh block of README.md and docs/*.md is carried out in one copy of the project, in the order of the pages;
 * every ```ts block, there and in the comments of `src`, is compiled against the sources. A block that is only to be
 * looked at is marked ```console or ```text.
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
import { freePort } from "./support/redis.ts";
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

describe("commands", () => {
  /** Lines of a block, continued ones joined, comments taken off. */
  const commandsOf = (block: Block) =>
    block.text
      .replace(/\\\n/g, " ")
      .split("\n")
      .map((line) => line.replace(/(^|\s)#.*$/, "").trim())
      .filter((line) => line !== "")
      .flatMap((line) => line.split(/ && /));
  const shell = pages.flatMap(blocksOf).filter(({ language }) => language === "sh");
  const folder = mkdtempSync(join(tmpdir(), "latchkey-readme-"));
  let server: Program | undefined;

  afterAll(() => {
    server?.clear();
    rmSync(folder, { recursive: true, force: true });
  });

  async function startServer(command: string, port: number): Promise<void> {
    server = startProgram("sh", ["-c", `exec ${command}`], {
      cwd: folder,
      env: { LATCHKEY_PORT: String(port) },
    });
    await server.line(logLine("listening"));
  }

  async function stopServer(): Promise<void> {
    const running = server;
    server = undefined;
    running?.signal("SIGTERM");
    expect((await running?.ended) ?? 0, running?.said()).toBe(0);
    expect(running?.survivors() ?? []).toEqual([]);
  }

  function carryOut(command: string, port: number): void {
    const env = cleanEnvironment({ LATCHKEY_PORT: String(port) });
    const { status, stdout, stderr } = spawnSync("sh", ["-c", command], {
      cwd: folder,
      env,
      encoding: "utf8",
    });
    expect(status, `${command}\n${stdout}${stderr}`).toBe(0);
  }

  async function follow(command: string, port: number): Promise<void> {
    const script = /^npm (?:run )?([\w:-]+)/.exec(command)?.[1] ?? "";
    if (command === "npm ci")
      carryOut("node build.js", port); // the packages are linked, the rest is `prepare`
    else if (/\bnpm start$/.test(command)) await startServer(command, port);
    else if (/^npm (test|run)/.test(command)) expect(manifest.scripts).toHaveProperty(script);
    else if (/^docker /.test(command)) expect(existsSync(join(root, "Dockerfile"))).toBe(true);
    else if (!/^(git clone|cd) /.test(command)) carryOut(command, port);
  }

  test("the README has the two commands that start everything", () => {
    const readme = shell.filter(({ page }) => page === "README.md").flatMap(commandsOf);
    expect(readme).toContain("npm ci");
    expect(readme).toContain("npm start");
  });

  test.each(shell)("$page: $text", { timeout: 120_000 }, async (block) => {
    if (!existsSync(join(folder, "package.json"))) copyTree(folder);
    const port = await freePort();
    for (const command of commandsOf(block)) await follow(command, port);
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
