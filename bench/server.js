/** Starting, watching and stopping the servers that are measured. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { own } from "./leftovers.js";

const here = import.meta.dirname;
/** The project's own folder. */
export const root = dirname(here);
const probe = join(here, "probe.js");

/**
 * Starts a server and waits until it says, in a JSON line on stdout, that it listens.
 *
 * @param {{ name: string, script: string, args?: string[], env?: object, flags?: string[], patience?: number }} options
 */
export async function startServer({ name, script, args = [], env = {}, flags = [], patience = 30_000 }) {
  const began = performance.now();
  const child = spawn(process.execPath, [...flags, "--import", probe, script, ...args], {
    env: { ...process.env, NODE_ENV: "production", NODE_NO_WARNINGS: "1", ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  own(child);
  let complaints = "";
  child.stderr.on("data", (chunk) => {
    complaints = (complaints + chunk).slice(-4000);
  });
  const facts = await listening(child, name, () => complaints, patience);
  const stop = () => stopServer(child);
  return { name, child, ...facts, readyAfter: performance.now() - began, usage: () => usage(child), stop };
}

/** The facts of the line `listening`; later lines are read and thrown away, so that the pipe never fills. */
function listening(child, name, complaints, patience) {
  return new Promise((resolve, reject) => {
    const fail = (why) => {
      child.kill("SIGKILL");
      reject(new Error(`${name} ${why}\n${complaints()}`));
    };
    const timer = setTimeout(() => fail(`did not listen within ${patience} ms`), patience);
    child.once("exit", (code) => fail(`ended with ${code} before it listened`));
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (!line.startsWith("{")) return;
      const entry = JSON.parse(line);
      if (entry.msg !== "listening") return;
      clearTimeout(timer);
      child.removeAllListeners("exit");
      resolve({ issuer: entry.issuer, ready: entry });
    });
  });
}

/** CPU in milliseconds since the start (user and system, all threads), resident memory in bytes. */
async function usage(child) {
  child.send("usage");
  const [answer] = await once(child, "message");
  return answer;
}

async function stopServer(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
  await once(child, "exit");
  clearTimeout(timer);
}
