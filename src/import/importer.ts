/** Brings one account in: makes it, changes one that an import made, or refuses. */
import { setTimeout as pause } from "node:timers/promises";
import type { Account } from "../account/account.ts";
import { createImported } from "../account/create.ts";
import { type Directory, directory } from "../account/directory.ts";
import {
  changeImported,
  forgetUnfinished,
  isTaken,
  openImported,
  updateImported,
} from "../account/imported.ts";
import { parseEmail } from "../account/names.ts";
import type { AccountsOptions } from "../account/revise.ts";
import { isRefusal, refuse } from "../errors.ts";
import type { Millis } from "../store/store.ts";
import type { Hashes } from "./hashes.ts";
import type { Row } from "./row.ts";

export type Outcome = "created" | "updated" | "unchanged";

export interface ImporterOptions extends AccountsOptions {
  hashes: Hashes;
  /** Says what would happen, and writes nothing. */
  dryRun?: boolean;
}

/** @throws `account_exists`, `password_closed`, and what the names refuse */
export async function importRow(
  options: ImporterOptions,
  row: Row,
  hash: string | undefined,
): Promise<Outcome> {
  const found = await findMatch(directory(options.store), row);
  return found ? bring(options, found, row, hash) : create(options, row, hash);
}

function bring(options: ImporterOptions, found: Account, row: Row, hash?: string): Promise<Outcome> {
  if (!found.imported) throw refuse("account_exists");
  return update(options, found, row, hash);
}

/** The account that a row is about: by its `sub`, by its username, by its verified address. */
async function findMatch(people: Directory, row: Row): Promise<Account | undefined> {
  const byName = [
    row.username === undefined ? undefined : await people.findByLogin(row.username),
    row.email === undefined || !row.emailVerified ? undefined : await people.findByLogin(row.email),
  ].flatMap((found) => (found ? [found.value] : []));
  const bySub = row.sub === undefined ? undefined : (await people.find(row.sub))?.value;
  const match = bySub ?? byName[0];
  if (!match) return undefined;
  // One row, two accounts: whose names it would take, or whose id it would change, is not for a file to say.
  const others = byName.filter(({ id }) => id !== match.id);
  if (others.length > 0 || (row.sub !== undefined && !bySub)) throw refuse("account_exists");
  if (row.sub === undefined && !isSamePerson(match, row)) {
    throw refuse("account_exists", {
      detail: "Its address is another one; a `sub` would say that it is the same.",
    });
  }
  return match;
}

/** A username alone may have been derived from somebody else's address: two verified addresses must not differ. */
function isSamePerson(account: Account, row: Row): boolean {
  if (!row.emailVerified || !account.emailVerified) return true;
  const address = (text = "") => parseEmail(text)?.canonical;
  return row.email === undefined || address(row.email) === address(account.email);
}

async function create(options: ImporterOptions, row: Row, hash: string | undefined): Promise<Outcome> {
  if (options.dryRun) return "created";
  const { hash: _, ...fields } = row;
  const make = () =>
    createImported(options, { ...fields, password: hash !== undefined }, async (id) => {
      if (hash !== undefined) await options.hashes.put(id, hash);
    });
  try {
    await make();
  } catch (error) {
    if (!isRefusal(error) || !IN_THE_WAY.includes(error.code)) throw error;
    const way = await whatIsInTheWay(options, row);
    if (typeof way === "object") return bring(options, way, row, hash);
    if (way === "nothing" && TAKEN.includes(error.code)) throw error;
    await make();
  }
  return "created";
}

/** What a creation is refused with that finds another one under way, or one that was killed on it. */
const TAKEN: readonly string[] = ["account_exists", "username_taken", "email_taken"];
/** And what it is refused with when another one took it for dead. */
const IN_THE_WAY = [...TAKEN, "ceremony_expired", "password_closed"];

/** An import writes an account within moments; what is older and not finished was left behind by one that was killed. */
const DEAD_AFTER: Millis = 3_000;
const PAUSE: Millis = 20;

/** The account that another import has made meanwhile; or what a killed one had begun, which is out of the way now. */
async function whatIsInTheWay(
  { store, clock }: ImporterOptions,
  row: Row,
): Promise<Account | "nothing" | "removed"> {
  for (;;) {
    const left = await forgetUnfinished(store, row, clock.now() - DEAD_AFTER);
    // Only now, or what was finished between two looks would be seen by neither.
    if (left === "nothing") return (await findMatch(directory(store), row)) ?? left;
    // What is taken away conditionally is there for one moment more.
    await pause(PAUSE);
    if (left === "removed") return left;
  }
}

async function update(
  options: ImporterOptions,
  account: Account,
  row: Row,
  hash: string | undefined,
): Promise<Outcome> {
  if (hash !== undefined && !mayHavePassword(account)) throw refuse("password_closed");
  const isNew = hash !== undefined && !(account.password && (await options.hashes.has(account.id, hash)));
  if (options.dryRun) {
    const changed = changeImported(account, row, { at: 0, event: "" }) !== undefined;
    return changed || isNew ? "updated" : "unchanged";
  }
  const changed = await updateImported(options, account, row);
  if (isNew && hash !== undefined) await bringPassword(options, account.id, hash);
  return changed || isNew ? "updated" : "unchanged";
}

/** One that was left behind does not come back, and a passkey is not weakened by a password that never was. */
function mayHavePassword(account: Account): boolean {
  return account.password ? account.password.state === "open" : !isTaken(account);
}

/** The document first: a verifier that no document names is swept. */
async function bringPassword(
  { hashes, ...options }: ImporterOptions,
  id: string,
  hash: string,
): Promise<void> {
  await openImported(options, id);
  await hashes.put(id, hash);
}

/** What a refusal of one account is, as opposed to a store that is away. */
export function isAboutTheRow(error: unknown): boolean {
  return isRefusal(error) && error.status < 500;
}
