/** Dockerfile and compose file: what can be known about them without a container engine, and more where there is one. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { startProgram } from "./support/program.ts";
import { startRedis } from "./support/redis.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (file: string) => readFileSync(join(root, file), "utf8");
const skipped = (process.env.LATCHKEY_TEST_SKIP ?? "").split(",");

/** What this file reads of the compose specification. */
interface Service {
  user: string;
  command?: string[];
  healthcheck: { test: string[] };
  environment?: Record<string, string>;
  secrets?: string[];
  depends_on?: Record<string, { condition: string }>;
  read_only: boolean;
  cap_drop: string[];
  stop_grace_period?: string;
  ports?: string[];
}

const compose = parse(read("docker-compose.yml")) as {
  services: Record<"latchkey" | "redis", Service>;
  secrets: Record<string, { file: string }>;
};
const { latchkey, redis } = compose.services;

/** Instructions of the Dockerfile, continued lines joined; the last stage is what runs. */
const stages = read("Dockerfile")
  .replace(/\\\n/g, " ")
  .split("\n")
  .filter((line) => /^[A-Z]+ /.test(line))
  .reduce<string[][]>((found, line) => {
    if (line.startsWith("FROM ")) found.push([]);
    found.at(-1)?.push(line);
    return found;
  }, []);
const last = stages.at(-1) ?? [];

function instruction(name: string): string {
  return (
    last
      .findLast((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1)
      .trim() ?? ""
  );
}

function filesIn(folder: string): string[] {
  return existsSync(join(root, folder)) ? readdirSync(join(root, folder), { encoding: "utf8" }) : [];
}

describe("Dockerfile", () => {
  test("every file it copies from the project is there and is let in by .dockerignore", () => {
    const copies = stages.flat().filter((line) => /^COPY (?!--from)/.test(line));
    const files = copies.flatMap((line) => line.split(/\s+/).slice(1, -1));
    const letIn = read(".dockerignore")
      .split("\n")
      .filter((line) => line.startsWith("!"))
      .map((line) => line.slice(1));
    expect(files.length).toBeGreaterThan(5);
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
    expect([...files].sort()).toEqual([...letIn].sort());
  });

  test("what package.json publishes is in the image", () => {
    const published: string[] = JSON.parse(read("package.json")).files;
    const built = published.filter((name) => name === "dist" || filesIn(name).length > 0);
    const copied = (name: string) =>
      last.some((line) => line.startsWith("COPY ") && line.endsWith(`/app/${name}`));
    expect(built).toContain("views");
    expect(built.filter((name) => !copied(name))).toEqual([]);
  });

  test("it runs as a user without rights, listens to the outside and starts the server without a shell", () => {
    expect(instruction("USER")).toBe("node");
    expect(instruction("ENV")).toContain("LATCHKEY_HOST=0.0.0.0");
    expect(JSON.parse(instruction("CMD"))).toEqual(["latchkey", "serve"]);
    expect(last.findIndex((line) => line.startsWith("USER "))).toBeGreaterThan(
      last.findIndex((line) => line.startsWith("RUN ")),
    );
  });

  test("its health check follows the answer of /livez", async () => {
    const [node = "", ...args] = JSON.parse(instruction("HEALTHCHECK").replace(/^.*? CMD /, "")) as string[];
    await checkHealth(node, args, "/livez");
  });
});

/** Runs a health check against a server that is well, one that is not, and none. */
async function checkHealth(command: string, args: string[], path: string): Promise<void> {
  let status = 200;
  const server = createServer((request, answer) => {
    answer.writeHead(request.url === path ? status : 500).end();
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const port = String((server.address() as AddressInfo).port);
  const own = args.map((arg) => arg.replace(":3000/", `:${port}/`));
  const outcome = () => startProgram(command, own, { env: { LATCHKEY_PORT: port } }).ended;
  expect(await outcome()).toBe(0);
  status = 503;
  expect(await outcome()).toBe(1);
  server.close();
  expect(await outcome()).toBe(1);
}

describe("docker-compose.yml", () => {
  test("neither service runs as root, and neither may become it", () => {
    for (const service of [latchkey, redis]) {
      expect(service).toMatchObject({ read_only: true, cap_drop: ["ALL"] });
      expect(service.user).not.toMatch(/^(root|0)?(:|$)/);
    }
  });

  test("the server waits for a healthy Redis, gets its secret as a file and may finish what it began", () => {
    expect(latchkey.depends_on).toEqual({ redis: { condition: "service_healthy" } });
    expect(latchkey.environment).toMatchObject({ LATCHKEY_SECRET_FILE: "/run/secrets/latchkey_secret" });
    expect(latchkey.secrets).toEqual(["latchkey_secret"]);
    expect(Number.parseInt(latchkey.stop_grace_period ?? "", 10)).toBeGreaterThan(30);
    expect(Object.keys(latchkey.environment ?? {}).filter((name) => name === "LATCHKEY_SECRET")).toEqual([]);
  });

  test("only Latchkey is reachable, from this machine", () => {
    expect(latchkey.ports).toEqual(["127.0.0.1:3000:3000"]);
    expect(redis.ports).toBeUndefined();
  });

  test("the server's health check follows the answer of /readyz", async () => {
    const [, command = "", ...args] = latchkey.healthcheck.test;
    await checkHealth(command, args, "/readyz");
  });

  test.skipIf(skipped.includes("redis"))("Redis accepts its arguments and its health check", async () => {
    const [program, ...args] = redis.command ?? [];
    expect(program).toBe("redis-server");
    const unfit = [
      "--appendonly",
      "no",
      "--appendfsync",
      "no",
      "--maxmemory-policy",
      "allkeys-lru",
      "--save",
      "60 1",
    ];
    const server = await startRedis(...unfit, ...args);
    const client = new Redis(server.url);
    try {
      const config = await client.config("GET", "append*", "maxmemory-policy", "save");
      const pairs = Object.fromEntries(
        config.flatMap((name, i) => (i % 2 === 0 ? [[name, config[i + 1]]] : [])),
      );
      expect(pairs).toMatchObject({
        appendonly: "yes",
        appendfsync: "always",
        "maxmemory-policy": "noeviction",
        save: "",
      });
      const [shell, check = ""] = redis.healthcheck.test;
      expect(shell).toBe("CMD-SHELL");
      const asked = (port: number) =>
        spawnSync("sh", ["-c", check.replace("redis-cli", `redis-cli -p ${port}`)]).status;
      expect(asked(server.port)).toBe(0);
      await server.kill();
      expect(asked(server.port)).not.toBe(0);
    } finally {
      client.disconnect();
      await server.stop();
    }
  });

  // Not a skipped test: where the engine's client is missing there is nothing that could be asked.
  if (spawnSync("docker", ["compose", "version"]).status === 0) {
    test("the engine's own client accepts it", () => {
      const options = { cwd: root, encoding: "utf8" } as const;
      const { status, stderr } = spawnSync("docker", ["compose", "config", "--quiet"], options);
      expect(status, stderr).toBe(0);
    });
  }
});
