/**
 * Builds `dist/`: the library with `tsc`, the program and the client scripts with esbuild. Does nothing when `dist/` is newer than
 * every source and the last `npm ci`, so that `npm start` costs milliseconds. Run with `--force` to build anyway.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const stamp = join(root, "dist/.built");

/** What `tsc` writes beside the migrations. */
const isMade = (name) => /\.(js|d\.ts)$/.test(name);

function newest(folder, isSource = () => true) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && isSource(entry.name))
    .reduce((latest, entry) => Math.max(latest, statSync(join(entry.parentPath, entry.name)).mtimeMs), 0);
}

/** When packages were installed: some are packed into the program, and a repaired one must not stay outside of it. */
function installed() {
  const written = join(root, "node_modules/.package-lock.json");
  return existsSync(written) ? statSync(written).mtimeMs : 0;
}

function isFresh() {
  if (process.argv.includes("--force")) return false;
  if (!existsSync(stamp) || !existsSync(join(root, "migrations/index.js"))) return false;
  const built = statSync(stamp).mtimeMs;
  const sources = [
    newest(join(root, "src")),
    newest(join(root, "migrations"), (name) => !isMade(name)),
    statSync(join(root, "package.json")).mtimeMs,
    statSync(join(root, "build.js")).mtimeMs,
    installed(),
  ];
  return sources.every((time) => time <= built);
}

async function build() {
  const started = new Date();
  const require = createRequire(import.meta.url);
  const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
  // Without it nobody takes for made what somebody has removed.
  rmSync(join(root, "dist/.migrations.tsbuildinfo"), { force: true });
  for (const project of ["migrations/tsconfig.json", "tsconfig.json"]) {
    const { status } = spawnSync(process.execPath, [tsc, "-p", join(root, project)], { stdio: "inherit" });
    if (status !== 0) process.exit(status ?? 1);
  }
  const { build: bundle } = await import("esbuild");
  await bundleProgram(bundle);
  await bundle({
    entryPoints: {
      latchkey: join(root, "src/browser/main.ts"),
      account: join(root, "src/browser/account.ts"),
    },
    outdir: join(root, "dist/browser"),
    bundle: true,
    minify: true,
    format: "iife",
    target: ["es2022"],
    legalComments: "none",
    logLevel: "warning",
  });
  writeFileSync(stamp, "");
  utimesSync(stamp, started, started);
}

/** Packed with the program; every other package stays where it is installed. */
const PACKED = ["@koa/router", "@simplewebauthn/server", "bowser", "commander", "eta", "ioredis", "zod"];

/**
 * The WebAuthn library opens at once what reads certificates and signatures: nine tenths of it, which an attestation `none` does not
 * want. Packed, these functions, asynchronous as they are, come with the first statement that does.
 */
const statementsWhenAsked = {
  name: "statements-when-asked",
  setup({ onResolve, onLoad, resolve }) {
    const namespace = "when-asked";
    onResolve({ filter: /^@simplewebauthn\/server/ }, inLibrary);
    onResolve({ filter: /^\.{1,2}\// }, (given) =>
      given.importer.includes("/@simplewebauthn/server/") ? inLibrary(given) : undefined,
    );
    onLoad({ filter: /./, namespace }, ({ path }) => {
      const name = basename(path, ".js");
      const later = `(await import(${JSON.stringify(path)})).${name}(given)`;
      return { contents: `export const ${name} = async (given) => ${later};`, resolveDir: root };
    });

    async function inLibrary({ path, importer, kind, resolveDir, pluginData }) {
      if (pluginData === "resolved") return undefined;
      const found = await resolve(path, { importer, kind, resolveDir, pluginData: "resolved" });
      const isLate = /\/(verifyAttestation\w+|isoCrypto\/verify)\.js$/.test(found.path);
      // Its modules do nothing but define; its manifest does not say so.
      return { path: found.path, sideEffects: false, ...(isLate && { namespace }) };
    }
  },
};

/**
 * The program in a few files, so that it starts sooner (P8 of docs/performance.md). They lie as deep as the rooms do, for what finds
 * `views/` and the manifest from where it is itself; `dist/cli.js` of tsc becomes the entry to them.
 */
async function bundleProgram(bundle) {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const packages = Object.keys({ ...dependencies, ...peerDependencies });
  rmSync(join(root, "dist/program"), { recursive: true, force: true });
  const { metafile } = await bundle({
    entryPoints: { cli: join(root, "src/cli.ts") },
    outdir: join(root, "dist"),
    chunkNames: "program/[name]-[hash]",
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: ["node20"],
    minifySyntax: true,
    minifyWhitespace: true,
    external: packages.filter((name) => !PACKED.includes(name)),
    metafile: true,
    plugins: [statementsWhenAsked],
    // Packages in the old format ask for Node's own modules this way.
    banner: {
      js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
    },
    logLevel: "warning",
  });
  writeFileSync(join(root, "dist/program/NOTICES.txt"), notices(Object.keys(metafile.inputs)));
}

/** Whose work is packed with ours, and the terms that it comes with. */
function notices(inputs) {
  const folders = inputs.map(
    (input) => input.match(/(?:^|[:/])(node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)/)?.[1],
  );
  const inside = [...new Set(folders)].filter((folder) => folder !== undefined).sort();
  return inside
    .map((folder) => {
      const { name, version, license, author } = JSON.parse(
        readFileSync(join(root, folder, "package.json"), "utf8"),
      );
      const file = readdirSync(join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry));
      const by = typeof author === "object" ? author.name : author;
      const terms = file ? readFileSync(join(root, folder, file), "utf8") : `${license}. ${by ?? ""}`;
      return `${name} ${version}\n\n${terms.trim()}\n`;
    })
    .join(`\n${"-".repeat(80)}\n\n`);
}

// An installed package has no sources and comes built.
if (existsSync(join(root, "src")) && !isFresh()) await build();
