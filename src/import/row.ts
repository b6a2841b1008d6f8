/** One account of an import, as every format comes down to it. */

import { ADMINISTRATORS } from "../account/account.ts";
import { checkGroups } from "../account/groups.ts";
import { checkDisplayName, checkUsername, parseEmail } from "../account/names.ts";
import { type LatchkeyError, refuse } from "../errors.ts";

/** A hash as text, or Keycloak's credential. */
export type HashInput = string | { credentialData: string; secretData: string };

export interface Row {
  sub?: string;
  username?: string;
  email?: string;
  emailVerified: boolean;
  name?: string;
  /** Absent: they stay as they are. */
  groups?: string[];
  disabled?: boolean;
  hash?: HashInput;
}

/** What was read of an input; `raw` is what a file of rejects repeats. */
export interface Input {
  line: number;
  raw: string;
  /** What has to stand before it in a file of its own: the header of a CSV. */
  header?: string;
  /** What it says, or why it says nothing. */
  read: Row | LatchkeyError;
}

/** Core, section 8: a `sub` has at most 255 ASCII characters. A hyphen would be an option on a command line. */
const SUB = /^[\x21-\x2c\x2e-\x7e][\x21-\x7e]{0,254}$/;

const FIELDS = ["sub", "username", "email", "email_verified", "name", "groups", "password_hash"];

/** Reads an object as the contract describes one. @throws `row_invalid` and the code of the field that is wrong */
export function rowOf(value: unknown): Row {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid("An account is an object.");
  }
  const fields = value as Record<string, unknown>;
  const stranger = Object.keys(fields).find((name) => !FIELDS.includes(name));
  if (stranger !== undefined) throw invalid(`\`${stranger.slice(0, 64)}\` is no field of an account.`);
  const hash = hashIn(fields.password_hash);
  const groups = listIn(fields.groups);
  return checkRow({
    ...text("sub", fields.sub),
    ...text("username", fields.username),
    ...text("email", fields.email),
    ...text("name", fields.name),
    emailVerified: flagIn(fields.email_verified),
    ...(groups === undefined ? {} : { groups }),
    ...(hash === undefined ? {} : { hash }),
  });
}

/** What every format has in common: names that can be, and one by which the account is found again. */
export function checkRow(row: Row): Row {
  if (row.sub !== undefined && !SUB.test(row.sub)) throw refuse("sub_invalid");
  const email = row.email === undefined ? undefined : parseEmail(row.email);
  if (row.email !== undefined && !email) throw refuse("email_invalid");
  const groups = row.groups && checkGroups(row.groups);
  if (groups?.includes(ADMINISTRATORS)) {
    const detail = `Nobody is made an administrator by a file: use \`groups members ${ADMINISTRATORS} --add\`.`;
    throw refuse("group_invalid", { detail });
  }
  if (row.name !== undefined) checkDisplayName(row.name);
  const { username, ...rest } = row;
  const named =
    username === undefined ? undefined : nameOf(username, row.emailVerified ? email?.canonical : "");
  if (named === undefined && row.sub === undefined && !(email && row.emailVerified)) {
    throw invalid("Give it a username, a verified address or a sub, so that it is found again.");
  }
  return {
    ...rest,
    ...(named === undefined ? {} : { username: named }),
    ...(email ? { email: email.typed } : {}),
    ...(groups ? { groups } : {}),
  };
}

/** A username that is the account's own verified address says nothing more: one is derived from the address. */
function nameOf(username: string, verified: string | undefined): string | undefined {
  const address = parseEmail(username)?.canonical;
  if (address !== undefined && address === verified) return undefined;
  return checkUsername(username);
}

function text<K extends string>(name: K, value: unknown): { [P in K]?: string } {
  if (value === undefined || value === null || value === "") return {};
  if (typeof value !== "string") throw invalid(`\`${name}\` is a text.`);
  return { [name]: value } as { [P in K]?: string };
}

function flagIn(value: unknown): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value !== "boolean") throw invalid("`email_verified` is true or false.");
  return value;
}

function listIn(value: unknown): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || value.some((one) => typeof one !== "string")) {
    throw invalid("`groups` is a list of texts.");
  }
  return value as string[];
}

function hashIn(value: unknown): HashInput | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string") return value;
  const { credentialData, secretData } = value as Record<string, unknown>;
  if (typeof credentialData === "string" && typeof secretData === "string")
    return { credentialData, secretData };
  throw refuse("hash_unsupported");
}

export function invalid(detail: string): LatchkeyError {
  return refuse("row_invalid", { detail });
}
