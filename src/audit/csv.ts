/**
 * Events as CSV (RFC 4180) for spreadsheets, which take a cell for a formula when it begins like one; such a cell gets an
 * apostrophe in front. Everything in an event may come from outside.
 */
import type { Event } from "../events.ts";

const COLUMNS = ["at", "type", "account", "subject", "detail", "id"] as const;
/** What begins a formula, in plain and in full width, or makes a spreadsheet look further. */
const FORMULA = /^[\s\0]*[=+\-@\t\r\n|%＝＋－＠]/;

export const HEAD = `${COLUMNS.join(",")}\r\n`;

export function csvLine(event: Event): string {
  const { at, type, account = "", subject = "", detail, id } = event;
  const cells = [
    new Date(at).toISOString(),
    type,
    account,
    subject,
    detail ? JSON.stringify(detail) : "",
    id,
  ];
  return `${cells.map(cell).join(",")}\r\n`;
}

export function cell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
