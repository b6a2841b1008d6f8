/** A server in a process of its own that dies at a chosen operation, and the flows in which it does. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { loadSettings } from "../../src/config/load.ts";
import { openInstallation } from "../../src/installation.ts";
import { Browser } from "./browser.ts";
import { SECRET } from "./installation.ts";
import { cleanEnvironment } from "./program.ts";
import { freePort } from "./redis.ts";
import { RelyingParty } from "./relying-party.ts";
import type { OpenStore, StoreKind } from "./stores.ts";

/** One address does all of it here. */
const ENOUGH = "100000/1h";
const UNLIMITED = {
  guesses: { perAccount: ENOUGH, perAddress: ENOUGH },
  ceremonies: ENOUGH,
  signUps: ENOUGH,
};

/** Who is asked for a second proof, and who may remove a password with the passkey at hand. */
const GROUPS = { proven: { passwords: { confirm: "pass" } }, helped: { passwords: { removal: "synced" } } };

const script = fileURLToPath(new URL("./mortal-server.js", import.meta.url));

/** Where the server dies: at its n-th operation on the store since it was told. */
export interface Point {
  at: number;
  when: "before" | "after";
}

export interface Mortal {
  issuer: string;
  store: OpenStore;
  app: RelyingParty;
  installation: Awaited<ReturnType<typeof openInstallation>>;
  browser(authenticator?: Browser["authenticator"]): Browser;
  /**
   * From now on operations count; without a point, nothing happens. Gives those since the last call; rejects when the
   * process ends instead of an answer.
   */
  watch(point?: Point): Promise<string[]>;
  /** Does what a command does, in the process of the server; false when it failed or the process died. */
  run(work: "rotate" | "seal", about?: unknown): Promise<boolean>;
  /** What it died of, once it has; undefined while it lives. */
  readonly death: string | undefined;
  /** Resolves when the process has ended. */
  gone(): Promise<void>;
  start(): Promise<void>;
  /** SIGKILL at no point in particular. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export async function startMortal(kind: StoreKind, extra: Record<string, string> = {}): Promise<Mortal> {
  const store = await kind.open();
  const port = String(await freePort());
  const issuer = `http://localhost:${port}`;
  const folder = mkdtempSync(join(tmpdir(), "latchkey-mortal-"));
  writeFileSync(join(folder, "config.json"), JSON.stringify({ limits: UNLIMITED, groups: GROUPS }));
  const env = {
    LATCHKEY_STORE: store.url,
    LATCHKEY_PORT: port,
    LATCHKEY_SECRET: SECRET,
    LATCHKEY_CONFIG: join(folder, "config.json"),
    ...extra,
  };
  const settings = loadSettings({ env });
  const installation = await openInstallation(settings, { store: store.store, initialise: true });
  const forked = () =>
    fork(script, [], { env: cleanEnvironment(env), stdio: ["ignore", "pipe", "inherit", "ipc"] });
  let child: ChildProcess | undefined;
  // Half of a start is loading the program; the next one does that while this one lives.
  let spare: ChildProcess | undefined;
  let death: string | undefined;
  const mortal = {
    issuer,
    store,
    installation,
    browser: (authenticator) => new Browser(issuer, authenticator),
    get death() {
      return death;
    },
    async start() {
      death = undefined;
      const started = spare ?? forked();
      child = started;
      createInterface({ input: started.stdout as NodeJS.ReadableStream }).on("line", (line) => {
        death = /^died (.*)/.exec(line)?.[1] ?? death;
      });
      started.once("close", () => {
        closed.add(started);
        death ??= "by itself";
      });
      await asked<{ serving: true }>(started, { serve: true });
      spare = forked();
    },
    async watch(last) {
      return (await asked<{ passed: string[] }>(child, { last: last ?? null })).passed;
    },
    async run(work, about) {
      return asked<{ ran: boolean }>(child, { run: work, about }).then(
        ({ ran }) => ran,
        () => false,
      );
    },
    async kill() {
      child?.kill("SIGKILL");
      await mortal.gone();
    },
    async gone() {
      // Not at its exit: what it died of may be on its way still.
      if (child && !closed.has(child)) await once(child, "close");
    },
    async stop() {
      spare?.kill("SIGKILL");
      await mortal.kill();
      await installation.close();
      await store.close();
      rmSync(folder, { recursive: true });
    },
  } as Mortal;
  await mortal.start();
  mortal.app = await RelyingParty.register(issuer, installation.clients, {
    grants: ["authorization_code", "refresh_token"],
  });
  return mortal;
}

/** Processes of which nothing comes any more. */
const closed = new WeakSet<ChildProcess>();

/** What a process answers to a message. @throws when it ends instead, or has ended */
function asked<T>(child: ChildProcess | undefined, message: object): Promise<T> {
  return new Promise((resolve, reject) => {
    if (!child || closed.has(child)) return reject(new Error("it is gone"));
    const ended = () => reject(new Error("it ended instead of an answer"));
    child.once("close", ended);
    child.once("message", (answer) => {
      child.off("close", ended);
      resolve(answer as T);
    });
    // Its end says more than that it could not be told.
    child.send(message, () => {});
  });
}

/** A step that must be all or nothing. */
export interface Flow<T = unknown> {
  name: string;
  prepare(mortal: Mortal): Promise<T>;
  /** The one request at stake; true when its answer says that it was done. */
  act(mortal: Mortal, prepared: T): Promise<boolean>;
  /** After the server is back: what must hold, whether or not the answer came. Rejects when it does not. */
  check(mortal: Mortal, prepared: T, acknowledged: boolean): Promise<void>;
}

/**
 * Lets the server die at every operation of a flow, or at every n-th one, and checks each time; gives the points.
 */
export async function dieEverywhere<T>(
  mortal: Mortal,
  flow: Flow<T>,
  whens: readonly Point["when"][] = ["before", "after"],
  nth = 1,
): Promise<string[]> {
  const points: string[] = [];
  for (let at = nth; ; at += nth) {
    for (const when of whens) {
      const prepared = await flow.prepare(mortal);
      await mortal.watch({ at, when });
      const acknowledged = await flow.act(mortal, prepared).catch(() => false);
      const passed = await mortal.watch().catch(() => undefined);
      if (passed !== undefined && passed.length < at) {
        if (!acknowledged) throw new Error(`${flow.name} fails without any death`);
        await flow.check(mortal, prepared, acknowledged);
        return points;
      }
      await mortal.gone();
      points.push(`${flow.name}: ${mortal.death}${acknowledged ? ", answered" : ""}`);
      await mortal.start();
      await flow.check(mortal, prepared, acknowledged).catch((error: unknown) => {
        throw new Error(`${points.at(-1)}: ${error instanceof Error ? error.message : error}`, {
          cause: error,
        });
      });
    }
  }
}
