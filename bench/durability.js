/**
 * `node bench/durability.js`: what each level of durability costs a change that must not be lost. Each level runs in
 * turn, several rounds, on servers of its own; the table is the one of `docs/operations.md`.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./redis.js";

const { connectStore } = await import("../dist/store/connect.js");
const ROUNDS = 5;
const CALLS = { 1: 300, 16: 1600 };
const VALUE = { account: "x".repeat(700) };

const folder = mkdtempSync(join(tmpdir(), "latchkey-durability-"));
const children = [];
const servers = {};

async function redis(name, ...args) {
  const port = await freePort();
  const dir = mkdtempSync(join(folder, `${name}-`));
  const own = [
    "--port",
    port,
    "--bind",
    "127.0.0.1",
    "--dir",
    dir,
    "--save",
    "",
    "--appendonly",
    "yes",
    ...args,
  ];
  const child = spawn("redis-server", own.map(String), { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  for await (const chunk of child.stdout) if (String(chunk).includes("Ready to accept")) break;
  child.stdout.destroy();
  servers[name] = port;
  return port;
}

const single = (name, durability) => () => connectStore(`redis://127.0.0.1:${servers[name]}`, { durability });

const levels = [
  ["the embedded store", () => connectStore(`lmdb:${join(folder, "lmdb")}`)],
  ["one Redis, `appendfsync everysec`, `configured`", single("everysec", "configured")],
  ["one Redis, `appendfsync always`, `disk`", single("always", "disk")],
  ["a master and a replica, `appendfsync everysec`, `replica`", single("master", "replica")],
  ["a master and a replica, `appendfsync always`, `replica`", single("both", "replica")],
];

async function prepare() {
  await redis("everysec", "--appendfsync", "everysec");
  await redis("always", "--appendfsync", "always");
  for (const [name, fsync] of [
    ["master", "everysec"],
    ["both", "always"],
  ]) {
    const port = await redis(name, "--appendfsync", fsync, "--repl-diskless-sync-delay", "0");
    await redis(`${name}-replica`, "--appendfsync", fsync, "--replicaof", `127.0.0.1 ${port}`);
  }
}

const commit = (store) => {
  const options = { expect: "absent", version: randomBytes(12).toString("base64url"), durable: true };
  return store.commit(`bench:${randomBytes(9).toString("hex")}`, VALUE, options);
};

/** Milliseconds of each call, so many at a time. */
async function measure(store, atOnce) {
  const times = [];
  let left = CALLS[atOnce];
  const began = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0) {
        const started = performance.now();
        await commit(store);
        times.push(performance.now() - started);
      }
    }),
  );
  return { times, perSecond: times.length / ((performance.now() - began) / 1000) };
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const shown = (number) => (number < 10 ? number.toFixed(2) : String(Math.round(number)));

try {
  await prepare();
  const stores = [];
  for (const [name, open] of levels) {
    const store = await open();
    // A replica that has just begun to follow confirms nothing yet.
    while (!(await commit(store).catch(() => false)));
    stores.push({ name, store, alone: [], together: [] });
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of stores) {
      one.alone.push(median((await measure(one.store, 1)).times));
      one.together.push((await measure(one.store, 16)).perSecond);
    }
  }
  console.log("| | one at a time, ms each | 16 at a time, a second |\n|---|---|---|");
  for (const { name, alone, together } of stores)
    console.log(`| ${name} | ${shown(median(alone))} | ${shown(median(together))} |`);
  await Promise.all(stores.map(({ store }) => store.close()));
} finally {
  for (const child of children) {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
  rmSync(folder, { recursive: true });
}
