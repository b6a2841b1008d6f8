/** A Redis of the benchmark's own: free port, temporary folder, append-only as a provider's Redis should be. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { own, scratchFolder } from "./leftovers.js";

/** @returns {Promise<{ url: string, port: number, client: Redis, stop: () => Promise<void> }>} */
export async function startRedis() {
  const port = await freePort();
  const options = {
    port,
    bind: "127.0.0.1",
    dir: scratchFolder(),
    save: "",
    appendonly: "yes",
    "maxmemory-policy": "noeviction",
    loglevel: "warning",
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = own(spawn("redis-server", args, { stdio: "ignore" }));
  await Promise.race([answering(port), once(child, "error").then(([error]) => Promise.reject(error))]);
  const client = new Redis(port, "127.0.0.1");
  const stop = async () => {
    client.disconnect();
    child.kill("SIGTERM");
    if (child.exitCode === null) await once(child, "exit");
  };
  return { url: `redis://127.0.0.1:${port}`, port, client, stop };
}

async function answering(port) {
  const probe = new Redis(port, "127.0.0.1", {
    lazyConnect: true,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
  });
  probe.on("error", () => undefined);
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      await probe.connect();
      await probe.ping();
      probe.disconnect();
      return;
    } catch {
      await pause(50);
    }
  }
  throw new Error("redis-server did not answer; is it installed?");
}

/** A port nobody listens on now. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}
