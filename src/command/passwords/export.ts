/** Who still has a password, and why, as CSV for people who open it in a spreadsheet. */
import { closeSync, openSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import type { Account } from "../../account/account.ts";
import { lastSeen, standingOf, stuckOf } from "../../account/password-status.ts";
import { type Context, UsageError } from "../context.ts";

const HEADER = ["id", "username", "email", "groups", "standing", "why", "declined", "last_seen"];

/** A file for its owner alone, which must not be there yet. */
export function exportStuck(
  { terminal }: Context,
  name: string,
): { add(account: Account): void; close(): void } {
  const path = resolve(terminal.cwd, name);
  const file = create(path);
  writeSync(file, `${HEADER.join(",")}\n`);
  return {
    add(account) {
      const why = stuckOf(account);
      if (why === undefined) return;
      const { id, username, email = "", groups, password } = account;
      const row = [id, username, email, groups.join("; "), standingOf(account), why, password?.declined ?? 0];
      writeSync(file, `${[...row, lastSeen(account)].map(cell).join(",")}\n`);
    },
    close: () => closeSync(file),
  };
}

function create(path: string): number {
  try {
    return openSync(path, "wx", 0o600);
  } catch (error) {
    throw new UsageError(`--export: ${path} cannot be made (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Quoted (RFC 4180), and what a spreadsheet would take for a formula made a text. */
function cell(value: string | number): string {
  const text = String(value);
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${harmless.replaceAll('"', '""')}"`;
}
