/** Dockerfile and compose file: what can be known about them without a container engine, and more where there is one. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { connectStore } from "../src/store/connect.ts";
import { startProgram } from "./support/program.ts";
import { freePort, startRedis, startServer } from "./support/redis.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (file: string) => readFileSync(join(root, file), "utf8");
const skipped = (process.env.LATCHKEY_TEST_SKIP ?? "").split(",");

/** What this file reads of the compose specification. */
interface Service {
  user: string;
  command?: string | string[];
  profiles?: string[];
  healthcheck: { test: string[] };
  environment?: Record<string, string>;
  secrets?: string[];
  depends_on?: Record<string, { condition: string }>;
  read_only: boolean;
  cap_drop: string[];
  stop_grace_period?: string;
  ports?: string[];
}

const compose = parse(read("docker-compose.yml"), { merge: true }) as {
  services: Record<string, Service> & Record<"latchkey" | "redis", Service>;
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
  test("no service runs as root, and none may become it", () => {
    for (const service of Object.values(compose.services)) {
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
    const others = Object.entries(compose.services).filter(([name]) => name !== "latchkey");
    expect(others.filter(([, { ports }]) => ports !== undefined)).toEqual([]);
  });

  test("without a profile there is one Redis; a set and a cluster are there when they are asked for", () => {
    const named = (profile: string | undefined) =>
      Object.keys(compose.services).filter((name) => compose.services[name]?.profiles?.[0] === profile);
    expect(named(undefined)).toEqual(["latchkey", "redis"]);
    expect(named("sentinel")).toHaveLength(6);
    expect(named("cluster")).toHaveLength(7);
    const store = latchkey.environment?.LATCHKEY_STORE;
    expect(store).toBe(`\${LATCHKEY_STORE:-redis://redis:6379/0}`);
  });

  test.skipIf(skipped.includes("redis"))(
    "the set of servers and its sentinels do as they are told",
    async () => {
      const words = (name: string) => String(compose.services[name]?.command).split(" ").slice(1);
      const local = (name: string, replaced: Record<string, string>) => (port: number, folder: string) =>
        ["--port", String(port), "--dir", folder].concat(
          words(name).map((word) => (word === '""' ? "" : (replaced[word] ?? word))),
        );
      const master = await startServer(local("redis-1", { "redis-1": "127.0.0.1" }));
      const own = { "redis-1": "127.0.0.1", "redis-2": "127.0.0.1", "6379": String(master.port) };
      const replica = await startServer(local("redis-2", own));
      const sentinels = await Promise.all(
        ["sentinel-1", "sentinel-2", "sentinel-3"].map((name) => sentinel(name, master.port)),
      );
      try {
        const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",");
        const open = () => connectStore(`redis+sentinel://${hosts}/main`);
        const store = await vi.waitFor(open, { timeout: 20_000 });
        const how = { expect: "absent", version: "v", durable: true } as const;
        await vi.waitUntil(() => store.commit("kind:a", 1, how).catch(() => false), { timeout: 20_000 });
        await store.close();
      } finally {
        for (const server of [...sentinels, replica, master]) await server.stop();
      }
    },
  );

  const scriptOf = (name: string) => String(compose.services[name]?.command?.[2]);

  /** The service's own script, with the folder and the address of this machine. */
  function sentinel(name: string, master: number) {
    const script = scriptOf(name);
    return startServer((port, folder) => {
      const own = script
        .replaceAll("/data", folder)
        .replace("redis-1 6379", `127.0.0.1 ${master}`)
        .replace("exec redis-server", "true ");
      expect(spawnSync("sh", ["-c", own]).status).toBe(0);
      return [join(folder, "sentinel.conf"), "--sentinel", "--port", String(port)];
    }, "+monitor master main");
  }

  test.skipIf(skipped.includes("redis"))("the nodes of the cluster are joined once", async () => {
    const words = String(compose.services["node-1"]?.command).split(" ").slice(1);
    const args = words.map((word) => (word === '""' ? "" : word));
    const nodes = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const bus = String(await freePort());
        return startServer((port, folder) => [
          ...["--port", String(port), "--dir", folder, "--cluster-port", bus],
          ...args,
        ]);
      }),
    );
    try {
      const script = scriptOf("join");
      const own = nodes.reduce(
        (text, { port }, i) => text.replaceAll(`172.31.99.1${i + 1}:6379`, `127.0.0.1:${port}`),
        script.replace("-h 172.31.99.11", `-h 127.0.0.1 -p ${nodes[0]?.port}`),
      );
      expect(own).not.toContain("172.31");
      const joined = spawnSync("sh", ["-c", own], { encoding: "utf8" });
      expect(joined.status, joined.stdout + joined.stderr).toBe(0);
      const open = () => connectStore(`redis+cluster://127.0.0.1:${nodes[0]?.port}`);
      const store = await vi.waitFor(open, { timeout: 20_000 });
      const how = { expect: "absent", version: "v", durable: true } as const;
      await vi.waitUntil(() => store.commit("kind:a", 1, how).catch(() => false), { timeout: 20_000 });
      await store.close();
      const again = spawnSync("sh", ["-c", own], { encoding: "utf8" });
      expect({ status: again.status, said: again.stdout }).toEqual({ status: 0, said: "" });
    } finally {
      for (const node of nodes) await node.stop();
    }
  });

  test("the server's health check follows the answer of /readyz", async () => {
    const [, command = "", ...args] = latchkey.healthcheck.test;
    await checkHealth(command, args, "/readyz");
  });

  test.skipIf(skipped.includes("redis"))("Redis accepts its arguments and its health check", async () => {
    const [program, ...args] = redis.command as string[];
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
    test.each([[], ["sentinel"], ["cluster"]])("the engine's own client accepts it %s", (...profiles) => {
      const options = { cwd: root, encoding: "utf8" } as const;
      const chosen = profiles.flatMap((profile) => ["--profile", profile]);
      const { status, stderr } = spawnSync("docker", ["compose", ...chosen, "config", "--quiet"], options);
      expect(status, stderr).toBe(0);
    });
  }
});
