/** What is measured: each target is a running server, and what one sign-in (and one spoiled one) at it does. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { App } from "./client/app.js";
import { bareSignIn } from "./client/bare.js";
import { connections } from "./client/browser.js";
import { scratchFolder } from "./leftovers.js";
import { freePort } from "./redis.js";
import { root, startServer } from "./server.js";

const bareClient = { id: "bench", secret: "a-secret-of-the-benchmark-alone" };
const cli = join(root, "dist/cli.js");

/** The V8 flags that `npm start` gives our server; the baselines get the same. */
export function startFlags() {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const [, flags = ""] = scripts.start.match(/\bnode ((?:--\S+ )*)dist\/cli\.js/) ?? [];
  return flags.split(" ").filter(Boolean);
}

/** a1: bare oidc-provider, in memory. */
export async function bare() {
  const server = await startServer({
    name: "bare oidc-provider",
    script: baseline("bare"),
    flags: startFlags(),
  });
  return target(server, bareSignIn, bareClient);
}

/** b1: the naive Redis adapter. */
export async function naive(redis) {
  const env = { BASELINE_REDIS: redis.url };
  const server = await startServer({
    name: "naive Redis adapter",
    script: baseline("naive-redis"),
    env,
    flags: startFlags(),
  });
  return target(server, bareSignIn, bareClient);
}

/** better-auth with its passkey and oauth-provider plugins. */
export async function betterAuth(accounts) {
  const { betterAuthSignIn } = await import("./client/better-auth.js");
  const server = await startServer({
    name: "better-auth",
    script: baseline("better-auth"),
    flags: startFlags(),
  });
  const discovery = "/api/auth/.well-known/openid-configuration";
  return target(server, betterAuthSignIn, server.ready.client, { accounts, discovery });
}

/** Latchkey over `store` (an address as in `LATCHKEY_STORE`), in a folder of its own. */
export async function latchkey(store, accounts) {
  const { latchkeySignIn } = await import("./client/latchkey.js");
  const { server, client } = await startLatchkey(store, await install(store));
  return target(server, latchkeySignIn, client, { accounts });
}

/** Starts an installed Latchkey and registers the app. Settings: the defaults, one proxy hop trusted, open sign-up. */
export async function startLatchkey(store, env) {
  const name = `Latchkey over ${store === "lmdb" ? "LMDB" : "Redis"}`;
  const server = await startServer({ name, script: cli, args: ["serve"], env, flags: startFlags() });
  return { server, client: await addClient(env) };
}

/** A place for one Latchkey: a port, a folder, a secret. */
export async function install(store) {
  const port = await freePort();
  const env = {
    LATCHKEY_PORT: String(port),
    LATCHKEY_ISSUER: `http://localhost:${port}`,
    LATCHKEY_STORE: store === "lmdb" ? `lmdb:${join(scratchFolder(), "data")}` : store,
    LATCHKEY_SECRET: randomBytes(32).toString("base64url"),
    LATCHKEY_SIGN_UP: "open",
    LATCHKEY_TRUST_PROXY: "1",
    LATCHKEY_LOG_FORMAT: "json",
  };
  return env;
}

async function addClient(env) {
  const args = [
    cli,
    "clients",
    "add",
    "--name",
    "Bench",
    "--redirect-uri",
    "https://app.example/callback",
    "--first-party",
  ];
  const grants = ["--grant", "authorization_code", "--grant", "refresh_token", "--json"];
  const { stdout } = await promisify(execFile)(process.execPath, [...args, ...grants], {
    env: { ...process.env, ...env },
  });
  const { client_id: id, client_secret: secret } = JSON.parse(stdout);
  return { id, secret };
}

async function target(server, flow, client, { accounts, discovery } = {}) {
  const agent = connections(16);
  const app = await new App(agent, server.issuer, client).discover(discovery);
  const stop = async () => {
    agent.destroy();
    await server.stop();
  };
  return { name: server.name, server, agent, app, stop, ...(await flow(agent, app, accounts)) };
}

function baseline(name) {
  return join(import.meta.dirname, "baseline", `${name}.js`);
}
