/**
 * Brings a newer Redis and a Valkey where the machine's redis-server is older than what they are tested with: from the
 * stable release of the machine's own Debian, with the libraries they need. They are unpacked into a folder of this
 * project; neither the machine's packages nor its sources are changed.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BROUGHT, newerServers } from "./support/newer-redis.js";

const own = fileURLToPath(import.meta.url);
const PROGRAMS = ["redis-server", "valkey-server"];
const PACKAGES = [
  ...["redis-server", "redis-tools", "valkey-server", "valkey-tools"],
  ...["libc6", "libgcc-s1", "libstdc++6", "libatomic1", "libjemalloc2", "liblzf1"],
  ...["libssl3t64", "libsystemd0", "libcap2", "libzstd1", "zlib1g"],
];
/** What one step may take; without them, the tests run as before. */
const PATIENCE = 30_000;
const SOON = ["Acquire::Retries=0", "Acquire::http::Timeout=5", "Acquire::https::Timeout=5"];
const LITTLE = ["Acquire::Languages=none", "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false"];

const isComplete = () => newerServers().some(({ isWaitedFor }) => isWaitedFor);

/** What is not tested where there is no such server; undefined where all is. */
export function leftOutForAge() {
  if (isComplete()) return undefined;
  return (
    "left out, for want of a Redis of 8.0 or newer: the tests of WAITAOF, and those that run a second time on such a " +
    "server (LATCHKEY_TEST_NEWER_REDIS names one)"
  );
}

/** Begins to bring them if they are wanted and it may (Debian, as root); it is done when the promise is. */
export async function bringNewerServers() {
  if (isComplete() || !existsSync("/usr/bin/apt-get") || process.getuid?.() !== 0) return;
  // In a process of its own: the build and the checks need not wait for it.
  await once(spawn(process.execPath, [own], { stdio: "ignore" }), "close");
}

function bring() {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-apt-"));
  try {
    if (sourcesOfStable(folder).some((source) => download(folder, source))) unpack(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function download(folder, source) {
  const options = [...SOON, ...LITTLE, ...source].flatMap((option) => ["-o", option]);
  return (
    succeeds("apt-get", ["-q", ...options, "update"], folder) &&
    succeeds("apt-get", ["-q", ...options, "download", ...PACKAGES], folder)
  );
}

function succeeds(command, args, cwd) {
  return spawnSync(command, args, { cwd, stdio: "ignore", timeout: PATIENCE }).status === 0;
}

/** Each program is started by the loader of its own libraries: the machine's may be too old for it. */
function unpack(folder) {
  rmSync(BROUGHT, { recursive: true, force: true });
  mkdirSync(BROUGHT, { recursive: true });
  const packages = readdirSync(folder).filter((name) => name.endsWith(".deb"));
  if (!packages.every((file) => succeeds("dpkg-deb", ["-x", file, BROUGHT], folder))) return;
  const above = join(BROUGHT, "usr/lib");
  const libraries = readdirSync(above).filter((name) => name.includes("-linux-gnu"));
  const place = libraries.map((name) => join(above, name)).find((path) => loaderIn(path));
  if (!place) return;
  for (const program of PROGRAMS) {
    const words = [join(place, loaderIn(place)), "--library-path", place, join(BROUGHT, "usr/bin", program)];
    const file = join(BROUGHT, program);
    writeFileSync(file, `#!/bin/sh\nexec ${words.map((word) => `'${word}'`).join(" ")} "$@"\n`);
    chmodSync(file, 0o755);
  }
}

const loaderIn = (path) => readdirSync(path).find((name) => name.startsWith("ld-linux"));

/** Options for apt that know the stable release and nothing else, for each place that may have it. */
function sourcesOfStable(folder) {
  const release = /^VERSION_CODENAME=(\w+)$/m.exec(read("/etc/os-release"))?.[1];
  const found = release ? sources().flatMap((text) => derived(text, release)) : [];
  return found.map((source, i) => {
    const part = join(folder, String(i));
    for (const path of ["lists/partial", "cache/archives/partial"])
      mkdirSync(join(part, path), { recursive: true });
    const file = join(part, source.startsWith("deb ") ? "stable.list" : "stable.sources");
    writeFileSync(file, `${source}\n`);
    return [
      `Dir::Etc::sourcelist=${file}`,
      "Dir::Etc::sourceparts=-",
      `Dir::State::lists=${join(part, "lists")}`,
      `Dir::Cache=${join(part, "cache")}`,
    ];
  });
}

function sources() {
  const more = "/etc/apt/sources.list.d";
  const files = existsSync(more) ? readdirSync(more).map((name) => join(more, name)) : [];
  return ["/etc/apt/sources.list", ...files].map(read);
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** The sources of a release, in either of apt's two forms, made to lead to the stable one. */
export function derived(text, release) {
  const lines = text.matchAll(new RegExp(`^deb (\\[[^\\]]*\\] )?(\\S+) ${release} (.*\\bmain\\b.*)$`, "gm"));
  const stanzas = text
    .split(/\n\s*\n/)
    .map((stanza) => stanza.replace(/^#.*\n?/gm, ""))
    .filter((stanza) => /^Types:.*\bdeb\b/m.test(stanza) && /^Components:.*\bmain\b/m.test(stanza))
    .filter((stanza) => new RegExp(`^Suites:(.*\\s)?${release}(\\s|$)`, "m").test(stanza))
    .map((stanza) =>
      stanza
        .replace(/^Types:.*$/m, "Types: deb")
        .replace(/^Suites:.*$/m, "Suites: stable")
        .replace(/^Components:.*$/m, "Components: main")
        .trim(),
    );
  return [...[...lines].map(([, how = "", where]) => `deb ${how}${where} stable main`), ...stanzas];
}

if (process.argv[1] === own) bring();
