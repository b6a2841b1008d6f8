/**
 * `node bench/durability.js [--write]`: what each level of durability costs a change that must not be lost. Each level
 * runs in turn, several rounds, on servers of its own; `--write` puts the table into `docs/operations.md`.
 */
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { newerServers } from "../test/support/newer-redis.js";
import { freePort } from "./redis.js";

const { connectStore } = await import("../dist/store/connect.js");
const ROUNDS = 5;
const CALLS = { 1: 300, 16: 1600 };
/** Where the disk is waited for, each call or each group of calls takes a second. */
const FEW = { 1: 4, 16: 64 };
const VALUE = { account: "x".repeat(700) };

const folder = mkdtempSync(join(tmpdir(), "latchkey-durability-"));
const children = [];
const servers = {};
const busy = loadavg()[0];
const waitedFor = newerServers().find(({ isWaitedFor }) => isWaitedFor);

async function redis(name, ...args) {
  return start("redis-server", name, ...args);
}

async function start(program, name, ...args) {
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
  const child = spawn(program, own.map(String), { stdio: ["ignore", "pipe", "inherit"] });
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
  ...(waitedFor
    ? [
        [
          `one ${waitedFor.name}, \`appendfsync everysec\`, \`disk\` (\`WAITAOF\`)`,
          single("waited", "disk"),
          FEW,
        ],
      ]
    : []),
  ["a master and a replica, `appendfsync everysec`, `replica`", single("master", "replica")],
  ["a master and a replica, `appendfsync always`, `replica`", single("both", "replica")],
];

async function prepare() {
  await redis("everysec", "--appendfsync", "everysec");
  await redis("always", "--appendfsync", "always");
  if (waitedFor) await start(waitedFor.program, "waited", "--appendfsync", "everysec");
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
async function measure(store, atOnce, calls) {
  const times = [];
  let left = calls[atOnce];
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

/** Puts the table into the page, between its two marks, with where it was measured. */
function write(table) {
  const path = fileURLToPath(new URL("../docs/operations.md", import.meta.url));
  const page = readFileSync(path, "utf8");
  const [begin, end] = ["<!-- durability:begin -->", "<!-- durability:end -->"];
  const [from, until] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || until < from) throw new Error("docs/operations.md has lost the marks of its table");
  const version = execFileSync("redis-server", ["--version"], { encoding: "utf8" }).match(/v=(\S+)/)?.[1];
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}`;
  const where = `Measured on ${new Date().toISOString().slice(0, 10)}: ${machine}, Node ${process.version}, Redis ${version}.`;
  writeFileSync(path, `${page.slice(0, from)}${begin}\n${table}\n\n${where}\n${page.slice(until)}`);
}

try {
  await prepare();
  const stores = [];
  for (const [name, open, calls = CALLS] of levels) {
    const store = await open();
    // A replica that has just begun to follow confirms nothing yet.
    while (!(await commit(store).catch(() => false)));
    stores.push({ name, store, calls, alone: [], together: [] });
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of stores) {
      one.alone.push(median((await measure(one.store, 1, one.calls)).times));
      one.together.push((await measure(one.store, 16, one.calls)).perSecond);
    }
  }
  const rows = stores.map(
    ({ name, alone, together }) => `| ${name} | ${shown(median(alone))} | ${shown(median(together))} |`,
  );
  const table = ["| | one at a time, ms each | 16 at a time, a second |", "|---|---|---|", ...rows].join(
    "\n",
  );
  console.log(table);
  if (!waitedFor) console.log("Without a Redis of 8.0 or newer there is no line for WAITAOF.");
  if (busy > 1)
    console.log(`The machine was busy (load ${busy.toFixed(1)}): write what a quiet one measures.`);
  if (process.argv.includes("--write")) write(table);
  await Promise.all(stores.map(({ store }) => store.close()));
} finally {
  for (const child of children) {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
  rmSync(folder, { recursive: true });
}
