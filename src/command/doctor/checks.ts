/** The checks of `latchkey doctor`: each says what it saw and, where something is wrong, what to do. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../clock.ts";
import type { Settings } from "../../config/load.ts";
import { isRefusal } from "../../errors.ts";
import type { Installation } from "../../installation.ts";
import { oneLine } from "../../log/fields.ts";
import { pendingIn, readLedger } from "../../migrate/ledger.ts";
import { withoutNotice } from "../../oidc/quiet.ts";
import { inspectStore } from "../../store/connect.ts";
import type { Finding } from "../../store/finding.ts";
import type { Store } from "../../store/store.ts";
import { whyAway } from "../away.ts";
import { type Context, loaded } from "../context.ts";

/** An `error` makes the installation unfit. */
export type Check = Finding;

/** Looks at everything; a check that depends on a failed one is left out. Changes nothing. */
export async function examine(context: Context): Promise<Check[]> {
  const machine = [node(), clock()];
  try {
    const { settings } = await loaded(context);
    const checks = [passed("configuration", `issuer ${settings.issuer}`), ...files(settings)];
    return [...machine, ...checks, ...(await installation(settings))];
  } catch (error) {
    return [...machine, ...configurationProblems(error)];
  }
}

function passed(name: string, message: string): Check {
  return { name, ok: true, level: "error", message, remedy: null };
}

function failed(name: string, message: string, remedy: string | null): Check {
  return { name, ok: false, level: "error", message, remedy };
}

function warned(name: string, message: string, remedy: string | null): Check {
  return { name, ok: false, level: "warning", message, remedy };
}

function node(): Check {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const fits = major > 20 || (major === 20 && minor >= 20);
  const message = `Node.js ${process.versions.node}`;
  return fits
    ? passed("node", message)
    : failed("node", `${message} is too old`, "Install Node.js 20.20 or newer.");
}

/** A clock before the day this program was built is wrong, and so is every expiry that depends on it. */
function clock(): Check {
  const built = statSync(fileURLToPath(import.meta.url)).mtimeMs;
  const now = systemClock.now();
  const message = `the clock says ${new Date(now).toISOString()}`;
  if (now >= built - 60_000) return passed("clock", message);
  return failed(
    "clock",
    `${message}, before this program was made`,
    "Set the clock, and keep it right with NTP.",
  );
}

function configurationProblems(error: unknown): Check[] {
  if (!isRefusal(error, "configuration_invalid")) throw error;
  const problems = (error.detail ?? "").split("\n");
  return problems.map((problem) =>
    failed("configuration", problem, "Correct this setting: README, Settings."),
  );
}

function files({ secretFile }: Settings): Check[] {
  if (secretFile === undefined || !existsSync(secretFile) || process.platform === "win32") return [];
  const isPrivate = (statSync(secretFile).mode & 0o077) === 0;
  if (isPrivate) return [passed("secret file", `${secretFile} is private`)];
  return [failed("secret file", `${secretFile} can be read by others`, `Run: chmod 600 ${secretFile}`)];
}

async function installation(settings: Settings): Promise<Check[]> {
  // Opening an embedded store would make it.
  const folder = settings.store.startsWith("lmdb:") ? settings.store.slice("lmdb:".length) : undefined;
  if (folder !== undefined && !existsSync(join(folder, "data.mdb"))) return [notMade(settings)];
  const checks: Check[] = [];
  try {
    checks.push(...(await inspectStore(settings.store, { durability: settings.durability })).map(legible));
    const unfit = checks.some(({ ok, level }) => !ok && level === "error");
    return unfit ? checks : [...checks, ...(await opened(settings))];
  } catch (error) {
    return [...checks, refused(error)];
  }
}

/** What a server says of itself may hold anything. */
function legible(check: Check): Check {
  return { ...check, message: oneLine(check.message) };
}

function notMade(settings: Settings): Check {
  if (settings.isLocal) return passed("store", "not there yet: the first start makes it");
  return failed("store", "not initialised", "Run: npx latchkey setup");
}

async function opened(settings: Settings): Promise<Check[]> {
  const { openInstallation } = await withoutNotice(() => import("../../installation.ts"));
  const { store, setup, close, meta, accounts } = await openInstallation(settings, { initialise: false });
  try {
    await store.ping();
    const owner = await setup.hasOwner();
    return [
      passed("store", `${store.driver} answers; the id of the store is ${meta.id}`),
      passed("secret", "the secret fits this store"),
      owner
        ? passed("owner", "there is an owner")
        : warned("owner", "there is no owner yet", "Run: npx latchkey setup"),
      await rpIdFits(settings, meta, accounts),
      await migrated(store),
      ...(await afterTheSeal(store)),
    ];
  } finally {
    await close();
  }
}

/** Told before it happens: a server that starts with another RP ID locks people out. */
async function rpIdFits(
  { rpId }: Settings,
  { rpIds }: Installation["meta"],
  accounts: Installation["accounts"],
): Promise<Check> {
  const { describeStranded, remedyFor, strandedBy } = await import("../../installation/rp-id.ts");
  if (!rpIds) return passed("rp id", `${rpId}; the next start of the server remembers it`);
  const stranded = await strandedBy(rpId, rpIds, () => accounts.list());
  if (stranded.passkeys === 0) return passed("rp id", `no passkey was made for another RP ID than ${rpId}`);
  return failed("rp id", describeStranded(stranded, rpId), remedyFor(stranded));
}

async function migrated(store: Store): Promise<Check> {
  const pending = pendingIn(await readLedger(store)).map(({ id }) => id);
  if (pending.length === 0) return passed("migrations", "no migration is pending");
  return warned("migrations", `pending: ${pending.join(", ")}`, "Run: npx latchkey migrate up");
}

/** Once passwords are sealed, only an instance that was asleep meanwhile can have written one. */
async function afterTheSeal(store: Store): Promise<Check[]> {
  const { readPasswordState, VERIFIER } = await import("../../account/password-state.ts");
  if ((await readPasswordState(store)).seal !== "sealed") return [];
  let strays = 0;
  for await (const { entries } of store.scan(VERIFIER)) strays += entries.length;
  if (strays === 0) return [passed("passwords", "sealed, and none is left")];
  const message = `sealed, but ${strays} verifiers were written afterwards, which nobody can read`;
  return [warned("passwords", message, "They are swept within the hour while a server runs.")];
}

const REMEDIES: Readonly<Record<string, string>> = {
  store_unavailable: "Start the store, or correct LATCHKEY_STORE.",
  secret_mismatch: "Set LATCHKEY_SECRET to the secret that this store was initialised with.",
  configuration_invalid:
    "Do what the message says; a new installation is initialised by `npx latchkey setup`.",
  store_refused: "Do what the message says, or point LATCHKEY_STORE at another store.",
};

function refused(error: unknown): Check {
  if (!isRefusal(error))
    return failed("store", oneLine(error instanceof Error ? error.message : String(error)), null);
  const name = error.code === "secret_mismatch" ? "secret" : "store";
  return failed(name, oneLine(`${error.message}${whyAway(error)}`), REMEDIES[error.code] ?? null);
}
