/** Every migration there is, in the order of its number. A new one is added at the end, and never changed again. */
import { passkeyAddedBy } from "./0001_passkey_added_by.ts";
import type { Migration, Up } from "./migration.ts";

export type { Migration } from "./migration.ts";

export const migrations: readonly Migration[] = [passkeyAddedBy];

/** The steps of a kind, from its first schema to its newest. */
export function upcastsOf(kind: string): Up[] {
  return migrations.filter((migration) => migration.kind === kind).map(({ up }) => up);
}

/** The oldest schema of a kind whose code may read and write what is written now. */
export function readerOf(kind: string): number {
  return Math.max(
    1,
    ...migrations.filter((migration) => migration.kind === kind).map(({ reader }) => reader),
  );
}
