/** `latchkey passwords prove`: the report, signed, and whether a report is one. */
import { closeSync, existsSync, openSync, readSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { readPasswordState } from "../../account/password-state.ts";
import { passwordStatus } from "../../account/password-status.ts";
import { parseObject, readText } from "../../config/files.ts";
import { refuse } from "../../errors.ts";
import type { Installation } from "../../installation.ts";
import type { Report } from "../../proof/prove.ts";
import { type Common, type Context, print, UsageError, withInstallation } from "../context.ts";

interface Flags extends Common {
  files: string[];
  out?: string;
}

export function prove(context: Context, flags: Flags): Promise<void> {
  const { cwd } = context.terminal;
  const files = flags.files.map((path) => resolve(cwd, path));
  const missing = files.find((path) => !existsSync(path));
  if (missing !== undefined) throw new UsageError(`--files: ${missing} does not exist`);
  return withInstallation(context, async (installation) => {
    const report = await examine(installation, files);
    const [{ signStatement }, { signingKeys }] = await Promise.all([
      import("../../oidc/statement.ts"),
      import("../../oidc/keys.ts"),
    ]);
    const keys = await signingKeys(installation.store, installation.vault, installation.clock);
    const document = { ...report, signature: await signStatement(keys, report) };
    const name = `latchkey-passwords-${report.date.replaceAll(":", "")}.json`;
    const path = resolve(cwd, flags.out ?? name);
    write(path, document);
    print(context, flags, document, `${report.summary}${placesOf(report)}The signed report is ${path}\n`);
    if (report.found > 0) context.outcome.code = 1;
  });
}

async function examine(installation: Installation, files: readonly string[]): Promise<Report> {
  const { store, accounts, clock, settings, meta } = installation;
  const [{ prove: look }, { passwordSafe }] = await Promise.all([
    import("../../proof/prove.ts"),
    import("../../password-room.ts"),
  ]);
  const { shelf } = await passwordSafe(installation);
  const state = await readPasswordState(store);
  const now = clock.now();
  const status = await passwordStatus(accounts.list(), { sealed: state.seal === "sealed", now });
  const { password_only, password_and_passkey, passkey_only, neither, total, passes } = status;
  const counts = { password_only, password_and_passkey, passkey_only, neither, total, passes };
  const keys = await shelf.list();
  const unpack = await backupReader(installation);
  return look({ store, state, counts, issuer: settings.issuer, storeId: meta.id, now, keys, files, unpack });
}

/** Our own backups are sealed: they are looked through from inside. @throws when one cannot be opened */
async function backupReader({
  vault,
}: Installation): Promise<(path: string) => AsyncIterable<Buffer> | undefined> {
  const { readSealed } = await import("../../transfer/sealed-file.ts");
  async function* pieces(path: string) {
    for (const { lines } of readSealed(path, vault.derive("backup")))
      yield Buffer.from(`${lines.join("\n")}\n`);
  }
  return (path) => (headOf(path).startsWith("latchkey backup ") ? pieces(path) : undefined);
}

function headOf(path: string): string {
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(32);
    return head.subarray(0, readSync(file, head, 0, head.length, 0)).toString("latin1");
  } finally {
    closeSync(file);
  }
}

function write(path: string, document: object): void {
  try {
    writeFileSync(path, `${JSON.stringify(document, null, 2)}\n`, { flag: "wx", mode: 0o600 });
  } catch (error) {
    throw new UsageError(`--out: ${path} cannot be made (${(error as NodeJS.ErrnoException).code})`);
  }
}

function placesOf({ places }: Report): string {
  return places
    .map(({ place, what, more }) => `  ${what}: ${more === undefined ? "" : `${more} more in `}${place}\n`)
    .join("");
}

/** The signature holds for exactly what the file says, by one of this provider's keys. */
export function verifyReport(context: Context, file: string, flags: Common): Promise<void> {
  const path = resolve(context.terminal.cwd, file);
  const found = readText(path) ?? { problem: `${path} does not exist` };
  if ("problem" in found) throw new UsageError(`--verify: ${found.problem}`);
  const parsed = parseObject(path, found.text);
  if ("problem" in parsed) throw new UsageError(`--verify: ${parsed.problem}`);
  const { signature, ...report } = parsed.object as Record<string, unknown>;
  return withInstallation(context, async ({ store, vault, clock }) => {
    const [{ openStatement }, { signingKeys }] = await Promise.all([
      import("../../oidc/statement.ts"),
      import("../../oidc/keys.ts"),
    ]);
    const signed = await openStatement(await signingKeys(store, vault, clock), String(signature));
    if (!isDeepStrictEqual(signed, report)) throw refuse("report_invalid");
    const { found: count, date, store_id } = report as unknown as Report;
    const document = { valid: true, found: count, date, store_id };
    print(context, flags, document, `Signed by this provider on ${date}. Passwords found: ${count}.\n`);
  });
}
