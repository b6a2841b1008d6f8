/**
 * `node bench/sizing.js [accounts]`: what an account and a sign-in take in the store, and how long a backup, a restore
 * and a move of that many accounts take. The table is the one of `docs/operations.md`.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { scratchFolder } from "./leftovers.js";
import { run } from "./load.js";
import { startRedis } from "./redis.js";
import { root } from "./server.js";
import { install, latchkey } from "./targets.js";

const { loadSettings } = await import("../dist/config/load.js");
const { openInstallation } = await import("../dist/installation.js");
const ACCOUNTS = Number(process.argv[2] ?? 20_000);
const SIGN_INS = 1_000;
const cli = join(root, "dist/cli.js");
const rows = [];

const text = (bytes) => randomBytes(bytes).toString("base64url");
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;

/** As large as a real one: a key of ES256, an id of 32 bytes. */
const passkey = () => ({
  id: text(32),
  publicKey: text(91),
  algorithm: -7,
  counter: 0,
  transports: ["internal", "hybrid"],
  aaguid: "fbfc3007-154e-4ecc-8c0b-6e020557d7bd",
  backupEligible: true,
  backedUp: true,
  attestation: "none",
  state: "active",
  name: "iCloud Keychain",
  created: Date.now(),
});

async function fill(env) {
  const settings = loadSettings({ env, cwd: scratchFolder() });
  const { accounts, close } = await openInstallation(settings, { initialise: true });
  let number = 0;
  const { failed, reasons } = await run(
    async () => {
      const username = `person-${++number}`;
      const email = `${username}@example.test`;
      await accounts.create({ username, name: "Jane Doe", email, emailVerified: true, passkey: passkey() });
    },
    ACCOUNTS,
    64,
  );
  if (failed > 0) throw new Error(reasons.join("; "));
  await close();
}

async function command(env, ...words) {
  const began = performance.now();
  const own = { env: { ...process.env, ...env }, cwd: scratchFolder() };
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...words, "--json"], own);
  return { ...JSON.parse(stdout), seconds: ((performance.now() - began) / 1000).toFixed(1) };
}

async function memory({ client }) {
  return Number(/used_memory_dataset:(\d+)/.exec(await client.info("memory"))?.[1]);
}

const [source, target, other] = await Promise.all([startRedis(), startRedis(), startRedis()]);
const [embedded, filled] = await Promise.all([install("lmdb"), install(source.url)]);
const sizeOf = ({ LATCHKEY_STORE: store }) => statSync(join(store.slice(5), "data.mdb")).size;

const empty = await memory(source);
await fill(filled);
rows.push([
  "an account with a passkey, in the memory of Redis",
  kib(((await memory(source)) - empty) / ACCOUNTS),
]);
await fill(embedded);
rows.push(["the same in the file of the embedded store", kib(sizeOf(embedded) / ACCOUNTS)]);

const one = await latchkey(other.url, 50);
const before = await memory(other);
const { failed, reasons } = await run(one.signIn, SIGN_INS);
if (failed > 0) throw new Error(reasons.join("; "));
rows.push([
  "a sign-in to one app, in the memory of Redis, in the minutes after it",
  kib(((await memory(other)) - before) / SIGN_INS),
]);
await one.server.stop();

const file = join(scratchFolder(), "all.backup");
const backed = await command(filled, "store", "backup", file);
rows.push([`a backup of ${ACCOUNTS} accounts`, `${backed.seconds} s, ${kib(backed.bytes / ACCOUNTS)} each`]);
const restored = await command({ ...filled, LATCHKEY_STORE: target.url }, "store", "restore", file, "--yes");
rows.push(["its restore into an empty Redis", `${restored.seconds} s`]);
const verified = await command({ ...filled, LATCHKEY_STORE: target.url }, "store", "verify");
rows.push(["`store verify` of it", `${verified.seconds} s, ${verified.found} problems`]);
await target.client.flushall();
const moved = await command(embedded, "store", "copy", embedded.LATCHKEY_STORE, target.url, "--yes");
rows.push([
  "a move of as many from the embedded store to Redis",
  `${moved.seconds} s, in which writes stood still for ${(moved.stood / 1000).toFixed(1)} s`,
]);

console.log("| | |\n|---|---|");
for (const [what, figure] of rows) console.log(`| ${what} | ${figure} |`);
await Promise.all([source, target, other].map(({ stop }) => stop()));
