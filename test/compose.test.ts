/** The compose file: its commands and health checks run by hand, and more where the engine's client is there. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { connectStore } from "../src/store/connect.ts";
import { checkHealth } from "./support/health.ts";
import { cleanEnvironment } from "./support/program.ts";
import { freePort, type RedisServer, startRedis, startServer } from "./support/redis.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
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

/** The same as the engine's client understands it. */
interface Resolved {
  services: Record<
    string,
    Omit<Service, "secrets"> & { volumes?: { target: string }[]; secrets?: { source: string }[] }
  >;
  secrets?: Record<string, { file: string }>;
}

const compose = parse(readFileSync(join(root, "docker-compose.yml"), "utf8"), { merge: true }) as {
  services: Record<string, Service> & Record<"latchkey" | "redis", Service>;
  secrets: Record<string, { file: string }>;
};
const { latchkey, redis } = compose.services;

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
    "the set of servers and its sentinels do as they are told, and say that they are well",
    async () => {
      const local = (name: string, replaced: Record<string, string>) => (port: number, folder: string) =>
        ["--port", String(port), "--dir", folder].concat(
          wordsOf(name).map((word) => (word === '""' ? "" : (replaced[word] ?? word))),
        );
      const master = await startServer(local("redis-1", { "redis-1": "127.0.0.1" }));
      const own = {
        ...{ "redis-1": "127.0.0.1", "redis-2": "127.0.0.1", "redis-3": "127.0.0.1" },
        "6379": String(master.port),
      };
      const replicas = await Promise.all(["redis-2", "redis-3"].map((name) => startServer(local(name, own))));
      const sentinels = await Promise.all(
        ["sentinel-1", "sentinel-2", "sentinel-3"].map((name) => sentinel(name, master.port)),
      );
      try {
        const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",");
        const open = () => connectStore(`redis+sentinel://${hosts}/main?replicas=2`);
        const store = await vi.waitFor(open, { timeout: 20_000 });
        const how = { expect: "absent", version: "v", durable: true } as const;
        await vi.waitUntil(() => store.commit("kind:a", 1, how).catch(() => false), { timeout: 20_000 });
        await store.close();
        for (const [i, server] of [master, ...replicas].entries()) await isWell(`redis-${i + 1}`, server);
        for (const [i, server] of sentinels.entries()) await isWell(`sentinel-${i + 1}`, server);
      } finally {
        for (const server of [...sentinels, ...replicas, master]) await server.stop();
      }
    },
  );

  const wordsOf = (name: string) => String(compose.services[name]?.command).split(" ").slice(1);

  /** The service's own health check follows what its server does: 0 while it answers, something else when it is gone. */
  async function isWell(name: string, server: RedisServer): Promise<void> {
    const [shell, check = ""] = compose.services[name]?.healthcheck.test ?? [];
    expect(shell).toBe("CMD-SHELL");
    const asked = () => {
      const own = check.replace(/redis-cli( -p \d+)?/, `redis-cli -p ${server.port}`);
      return spawnSync("sh", ["-c", own]).status;
    };
    expect(asked(), name).toBe(0);
    await server.kill();
    expect(asked(), name).not.toBe(0);
  }

  const scriptOf = (name: string) => String(compose.services[name]?.command?.[2]);

  /** The service's own script, with the folder and the address of this machine. */
  function sentinel(name: string, master: number) {
    const script = scriptOf(name);
    return startServer(
      (port, folder) => {
        const own = script
          .replaceAll("/data", folder)
          .replace("redis-1 6379", `127.0.0.1 ${master}`)
          .replace("exec redis-server", "true ");
        expect(spawnSync("sh", ["-c", own]).status).toBe(0);
        return [join(folder, "sentinel.conf"), "--sentinel", "--port", String(port)];
      },
      { ready: "+monitor master main" },
    );
  }

  test.skipIf(skipped.includes("redis"))("the nodes of the cluster are joined once", async () => {
    const args = wordsOf("node-1").map((word) => (word === '""' ? "" : word));
    const others = ["node-2", "node-3", "node-4", "node-5", "node-6"].map((name) => wordsOf(name));
    expect(others).toEqual(Array(5).fill(wordsOf("node-1")));
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
      for (const [i, node] of nodes.entries()) await isWell(`node-${i + 1}`, node);
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
      await isWell("redis", server);
    } finally {
      client.disconnect();
      await server.stop();
    }
  });

  test("every service is one of those that are started and asked here", () => {
    const numbered = (name: string, count: number) =>
      Array.from({ length: count }, (_, i) => `${name}-${i + 1}`);
    const asked = [...numbered("redis", 3), ...numbered("sentinel", 3), ...numbered("node", 6)];
    expect(Object.keys(compose.services).sort()).toEqual(["latchkey", "redis", "join", ...asked].sort());
    // Only what ends by itself has no health.
    const unasked = Object.entries(compose.services).filter(([, { healthcheck }]) => !healthcheck?.test);
    expect(unasked.map(([name]) => name)).toEqual(["join"]);
    // What the image starts.
    expect(latchkey.command).toBeUndefined();
  });

  // Not a skipped test: where the engine's client is missing there is nothing that could be asked.
  const client = [["docker", "compose"], ["docker-compose"]].find(
    ([program = "", ...first]) => spawnSync(program, [...first, "version"]).status === 0,
  );
  if (client) {
    const [program = "", ...first] = client;
    test("the engine's own client refuses what is no compose file", () => {
      const input = "services: { one: { imag: redis } }";
      expect(spawnSync(program, [...first, "-f", "-", "config"], { cwd: root, input }).status).not.toBe(0);
    });

    const profiles = [[], ["sentinel"], ["cluster"], ["sentinel", "cluster"]];
    test.each(profiles.map((chosen) => ({ chosen })))(
      "the engine's own client takes it as it is meant, with $chosen",
      ({ chosen }) => {
        const flags = chosen.flatMap((profile) => ["--profile", profile]);
        const asked = spawnSync(program, [...first, ...flags, "config", "--format", "json"], {
          cwd: root,
          encoding: "utf8",
          env: cleanEnvironment(),
        });
        expect(asked.status, asked.stderr).toBe(0);
        expect(asked.stderr).toBe("");
        const resolved = JSON.parse(asked.stdout) as Resolved;
        const wanted = Object.entries(compose.services).filter(
          ([, { profiles: named = [] }]) => named.length === 0 || chosen.includes(named[0] ?? ""),
        );
        expect(Object.keys(resolved.services).sort()).toEqual(wanted.map(([name]) => name).sort());
        for (const [name, service] of Object.entries(resolved.services)) {
          expect(service, name).toMatchObject({ read_only: true, cap_drop: ["ALL"] });
          // Whatever it writes, it writes there.
          const places = service.volumes?.map(({ target }) => target);
          expect(places, name).toEqual(
            name === "join" ? undefined : [name === "latchkey" ? "/latchkey/data" : "/data"],
          );
        }
        expect(resolved.services.latchkey?.secrets).toMatchObject([{ source: "latchkey_secret" }]);
        expect(resolved.secrets?.latchkey_secret?.file).toBe(join(root, "secrets/latchkey_secret"));
        expect(JSON.stringify(resolved.services.latchkey?.environment)).not.toMatch(/"LATCHKEY_SECRET"/);
      },
    );
  }
});
