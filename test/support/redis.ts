/** A real Redis on 127.0.0.1, on a free port and in a folder of its own; stopped by its own pid. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newerServers as findNewerServers, type NewerServer } from "./newer-redis.js";

/** A started server. After `kill` or `stop`, `start` brings it back on the same port with what it kept on disk. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  /** Of the running process; undefined while it is down. */
  readonly pid: number | undefined;
  start(): Promise<void>;
  /** SIGKILL: what a crash leaves. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT: a server that hangs. */
  pause(): void;
  resume(): void;
  /** Ends the process and removes its folder. */
  stop(): Promise<void>;
}

/** Redis was left out on purpose. */
export const withoutRedis = (process.env.LATCHKEY_TEST_SKIP ?? "").split(",").includes("redis");

/** The binary under test; another version can be named. */
export const BINARY = process.env.LATCHKEY_TEST_REDIS ?? "redis-server";

/** Servers of 7.2 or newer, where there are any: tests of them stand in a `describe.each`, and do not exist without. */
export const newerServers: NewerServer[] = withoutRedis ? [] : findNewerServers();
/** Those whose `WAITAOF` is believed. */
export const waitedFor = newerServers.filter(({ isWaitedFor }) => isWaitedFor);

/** This machine's own server, and in the whole failure matrix (`npm run test:faults`) the newer ones as well. */
export const matrix: NewerServer[] = [
  { name: "this machine's Redis", program: BINARY, isWaitedFor: false },
  ...(process.env.LATCHKEY_TEST_MATRIX ? newerServers : []),
];
/** What production is told to set: nothing evicted, every write on disk before its answer. */
const FIT = ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"];

/**
 * Starts `redis-server`; `args` go after the defaults, so the last one wins
 * (`startRedis("--appendonly", "no")`).
 */
export function startRedis(...args: string[]): Promise<RedisServer> {
  return startRedisOf(BINARY, ...args);
}

/** The same with another program. */
export function startRedisOf(program: string, ...args: string[]): Promise<RedisServer> {
  const argsFor = (port: number, folder: string) => [
    ...["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""],
    ...FIT,
    ...args,
  ];
  return startServer(argsFor, { program });
}

/** Starts `redis-server` with the arguments for its port and folder; `ready` is what it says when it can be asked. */
export async function startServer(
  argsFor: (port: number, folder: string) => string[],
  { ready = "Ready to accept connections", program = BINARY } = {},
): Promise<RedisServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "latchkey-redis-"));
  const options = argsFor(port, folder);
  let child: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals) => {
    const running = child;
    child = undefined;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, "exit");
    running.kill("SIGCONT");
    running.kill(signal);
    await ended;
  };
  const server: RedisServer = {
    url: `redis://127.0.0.1:${port}/0`,
    port,
    folder,
    get pid() {
      return child?.pid;
    },
    async start() {
      child ??= await spawnReady(program, options, ready);
    },
    kill: () => end("SIGKILL"),
    pause: () => void child?.kill("SIGSTOP"),
    resume: () => void child?.kill("SIGCONT"),
    async stop() {
      await end("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

/** Below those that outgoing connections are given, and above those that no browser and no fetch goes to. */
const PORTS = [10_100, 32_000] as const;

/** A port that was free a moment ago, and that no connection of anybody gets by chance before it is listened on. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(...PORTS);
    const probe = createServer().listen(port, "127.0.0.1");
    const free = await once(probe, "listening").then(
      () => true,
      () => false,
    );
    if (!free) continue;
    probe.close();
    await once(probe, "close");
    return port;
  }
}

function spawnReady(program: string, options: string[], ready: string): Promise<ChildProcess> {
  const child = spawn(program, options, { stdio: ["ignore", "pipe", "inherit"] });
  const orphaned = () => void child.kill("SIGKILL");
  process.once("exit", orphaned);
  child.once("exit", () => process.off("exit", orphaned));
  return new Promise((resolve, reject) => {
    let output = "";
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${program} ended with ${code}:\n${output}`)));
    child.stdout?.on("data", (chunk) => {
      if (output.length < 1e5) output += chunk;
      if (output.includes(ready)) resolve(child);
    });
  });
}
