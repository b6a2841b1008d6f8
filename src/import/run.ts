/**
 * Reads an input to its end, in batches: what is in one is written at the same time, and nothing in one concerns the
 * same account, so that the outcome is that of one line after the other.
 */
import { deriveUsernames, parseEmail } from "../account/names.ts";
import { isRefusal, LatchkeyError } from "../errors.ts";
import { type ImporterOptions, importRow, isAboutTheRow, type Outcome } from "./importer.ts";
import type { Input, Row } from "./row.ts";

/** Accounts that are written at a time. */
const BATCH = 1024;
/** How often an account is tried again that somebody else wrote at the same moment. */
const ATTEMPTS = 5;

export interface Counts {
  read: number;
  created: number;
  updated: number;
  unchanged: number;
  refused: number;
}

export interface Watcher {
  /** Is told of each refusal, in the order of the lines. */
  refused(input: Input, reason: LatchkeyError): void;
  /** Is told after each batch. */
  progress(counts: Counts): void;
}

/** @throws `store_unavailable` and other faults that are not about one account; what was written by then stays */
export async function importAll(
  options: ImporterOptions,
  inputs: AsyncIterable<Input>,
  watcher: Watcher,
): Promise<Counts> {
  const counts: Counts = { read: 0, created: 0, updated: 0, unchanged: 0, refused: 0 };
  for await (const batch of batches(inputs)) {
    const outcomes = await importBatch(options, batch);
    for (const [at, outcome] of outcomes.entries()) {
      counts.read++;
      if (outcome instanceof LatchkeyError) {
        counts.refused++;
        watcher.refused(batch[at] as Input, outcome);
      } else counts[outcome]++;
    }
    watcher.progress(counts);
  }
  return counts;
}

/** What an input comes to: its row and its hash, or why there is none. */
type Prepared = { row: Row; hash: string | undefined } | LatchkeyError;

async function importBatch(options: ImporterOptions, batch: Input[]): Promise<(Outcome | LatchkeyError)[]> {
  const prepared = batch.map((input) => prepare(options, input));
  const hashes = prepared.flatMap((one) => ("hash" in one && one.hash !== undefined ? [one.hash] : []));
  const begun = options.dryRun ? async () => {} : await options.hashes.begin(hashes).catch(aboutTheRow);
  const sealed = begun instanceof LatchkeyError ? begun : undefined;
  try {
    return await Promise.all(
      prepared.map(async (one) => {
        if (one instanceof LatchkeyError) return one;
        if (sealed && one.hash !== undefined) return sealed;
        return persist(() => importRow(options, one.row, one.hash));
      }),
    );
  } finally {
    if (!(begun instanceof LatchkeyError)) await begun();
  }
}

function prepare({ hashes }: ImporterOptions, { read }: Input): Prepared {
  if (read instanceof LatchkeyError) return read;
  try {
    return { row: read, hash: read.hash === undefined ? undefined : hashes.check(read.hash) };
  } catch (error) {
    if (isRefusal(error)) return error;
    throw error;
  }
}

/** A refusal that is about the input; anything else goes on its way. */
function aboutTheRow(error: unknown): LatchkeyError {
  if (isAboutTheRow(error)) return error as LatchkeyError;
  throw error;
}

async function persist(work: () => Promise<Outcome>): Promise<Outcome | LatchkeyError> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (isAboutTheRow(error)) return error as LatchkeyError;
      if (!isRefusal(error, "store_conflict") || attempt >= ATTEMPTS) throw error;
    }
  }
}

/** Batches in which no two inputs have a name in common. */
async function* batches(inputs: AsyncIterable<Input>): AsyncGenerator<Input[]> {
  let batch: Input[] = [];
  let names = new Set<string>();
  for await (const input of inputs) {
    const own = namesOf(input);
    if (batch.length >= BATCH || own.some((name) => names.has(name))) {
      yield batch;
      batch = [];
      names = new Set();
    }
    batch.push(input);
    for (const name of own) names.add(name);
  }
  if (batch.length > 0) yield batch;
}

/** The first username that would be tried for a row that brings none. */
function derived({ email, name }: Row): string {
  const known = { ...(email === undefined ? {} : { email }), ...(name === undefined ? {} : { name }) };
  return deriveUsernames(known).next().value ?? "";
}

function namesOf({ read }: Input): string[] {
  if (read instanceof LatchkeyError) return [];
  const { sub, username, email } = read;
  const address = email === undefined ? undefined : parseEmail(email)?.canonical;
  return [
    ...(sub === undefined ? [] : [`sub ${sub}`]),
    ...(username === undefined ? [] : [`name ${username}`]),
    ...(address === undefined ? [] : [`address ${address}`]),
    ...(username === undefined ? [`name ${derived(read)}`] : []),
  ];
}
