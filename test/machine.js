/**
 * What the tests need besides Node.js: a real Redis and a real Chromium. Missing ones are installed where that is
 * allowed (Debian or Ubuntu, as root); otherwise the run stops with the command that brings them.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { findProgram } from "./support/programs.js";

const needs = {
  redis: { programs: ["redis-server"], packages: ["redis-server"] },
  browser: {
    programs: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
    packages: ["chromium", "fonts-liberation"],
  },
};

/** The names in `LATCHKEY_TEST_SKIP`: the only way to leave out what needs Redis or a browser. */
export function leftOut(env = process.env) {
  const names = (env.LATCHKEY_TEST_SKIP ?? "").split(",").map((name) => name.trim());
  const unknown = names.filter((name) => name !== "" && !(name in needs));
  if (unknown.length > 0) {
    throw new Error(
      `LATCHKEY_TEST_SKIP knows ${Object.keys(needs).join(" and ")}, not ${unknown.join(", ")}.`,
    );
  }
  return Object.keys(needs).filter((name) => names.includes(name));
}

/**
 * Makes sure that everything is there that is not left out, and tells the tests by `LATCHKEY_TEST_CHROMIUM` which
 * browser it is.
 *
 * @throws Error with the command to run, when something is missing and may not be installed.
 */
export function prepareMachine() {
  const wanted = Object.entries(needs).filter(([name]) => !leftOut().includes(name));
  const missing = wanted.filter(([, { programs }]) => !findProgram(programs));
  if (missing.length > 0) install(missing);
  const chromium = findProgram(needs.browser.programs);
  if (chromium) process.env.LATCHKEY_TEST_CHROMIUM ??= chromium;
}

function install(missing) {
  const packages = missing.flatMap(([, need]) => need.packages);
  const command = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(" ")}`;
  if (!existsSync("/usr/bin/apt-get") || process.getuid?.() !== 0)
    throw absent(missing, `sudo sh -c '${command}'`);
  console.log(`missing: ${packages.join(", ")}; installing`);
  // An installer that asks a question would wait for ever; one that starts the service takes a port.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  spawnSync("sh", ["-c", command], { stdio: ["ignore", "inherit", "inherit"], env });
  const still = missing.filter(([, { programs }]) => !findProgram(programs));
  if (still.length > 0) throw absent(still, command);
}

function absent(missing, command) {
  const names = missing.map(([name]) => name);
  return new Error(
    `The tests need ${names.join(" and ")}. Run:\n  ${command}\n` +
      `or leave that part out with LATCHKEY_TEST_SKIP=${names.join(",")}`,
  );
}
