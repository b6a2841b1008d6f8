/**
 * Looks for passwords wherever one could be left: in everything the store hands out, in the files it lies in, and in
 * those the operator names. What comes out is a report that says what was looked at, and what was found where.
 */
import { statSync } from "node:fs";
import type { PasswordState } from "../account/password-state.ts";
import type { Counts } from "../account/password-status.ts";
import type { Store } from "../store/store.ts";
import { filesBelow, lookThrough, type Unpack } from "./files.ts";
import { ELSEWHERE, type Group, isVerifierRecord, kindOf, tally } from "./tally.ts";
import { type Trace, tracesIn } from "./traces.ts";

export interface Place {
  place: string;
  what: string;
  /** For what a file, or a kind of record, holds beyond those that are named one by one: how many. */
  more?: number;
}

/** Something that was looked through. */
export interface Scanned {
  /** `live store`, or the path of a file. */
  what: string;
  bytes: number;
  found: number;
  /** Copies whose key is destroyed: nobody can read them. */
  erased: number;
  /** `rewritten`: made anew since the seal. `key-erased`: holds copies that nobody can read. `clean`: holds nothing. */
  state: "rewritten" | "key-erased" | "clean" | "found";
}

export interface Report {
  type: "latchkey-password-report";
  issuer: string;
  store_id: string;
  date: string;
  sealed: boolean;
  sealed_at: string | null;
  counts: Counts;
  /** How many passwords were found, in whatever form somebody could still use. */
  found: number;
  erased: number;
  /** Where they were found: of each kind in each file, or in each kind of record, the first few, and how many more. */
  places: Place[];
  scanned: Scanned[];
  /** Accounts whose passwords the operator let go with the seal. */
  waived: string[];
  summary: string;
}

export interface Subject {
  store: Store;
  state: PasswordState;
  counts: Counts;
  issuer: string;
  storeId: string;
  now: number;
  /** Ids of the keys that still exist. */
  keys: readonly string[];
  /** Folders and files that the operator names: logs, audit, exports, backups. */
  files: readonly string[];
  /** Opens what only we can: sealed backups. */
  unpack?: Unpack;
}

const MOST_PLACES = 1000;

interface Look {
  what: string;
  bytes: number;
  groups: readonly Group[];
  changed: number;
}

export async function prove(subject: Subject): Promise<Report> {
  const { store, state } = subject;
  const own = (await store.examination?.files()) ?? [];
  const paths = [...new Set([...own, ...subject.files.flatMap(filesBelow)])];
  const looks = [await lookAtStore(store), ...(await lookAtFiles(paths, subject.unpack))];
  // A verifier is as readable as its key: one in the files is as good as one in place.
  const copied = looks.flatMap(({ groups }) =>
    groups.flatMap(({ what, keyId }) => (what === "key" && keyId ? [keyId] : [])),
  );
  const keys = new Set([...subject.keys, ...copied]);
  // More keys than can be told apart may open anything.
  const isOpenAll = looks.some(({ groups }) =>
    groups.some((one) => one.what === "key" && one.where === ELSEWHERE),
  );
  const isErased = ({ what, keyId, isRecord }: Group) =>
    what === "verifier" && keyId !== undefined && !keys.has(keyId) && !isRecord && !isOpenAll;
  const scanned = looks.map((look) =>
    judge(look, isErased, state.seal === "sealed" ? state.since : undefined),
  );
  const found = looks.flatMap(({ groups }) => groups.filter((group) => !isErased(group)));
  const report = {
    type: "latchkey-password-report" as const,
    issuer: subject.issuer,
    store_id: subject.storeId,
    date: new Date(subject.now).toISOString(),
    sealed: state.seal === "sealed",
    sealed_at: state.seal === "sealed" ? new Date(state.since).toISOString() : null,
    counts: subject.counts,
    found: sumOf(found),
    erased: scanned.reduce((sum, one) => sum + one.erased, 0),
    places: placesOf(found),
    scanned,
    waived: state.waived ?? [],
  };
  return { ...report, summary: summaryOf(report) };
}

function sumOf(groups: readonly Group[]): number {
  return groups.reduce((sum, { count }) => sum + count, 0);
}

/** By name as far as they go, and of each group how many more there are. */
function placesOf(groups: readonly Group[]): Place[] {
  let left = MOST_PLACES;
  return groups.flatMap(({ what, where, count, places }) => {
    const named = places.slice(0, left);
    left -= named.length;
    const more = count - named.length;
    const listed = named.map((place) => ({ place, what }));
    return more > 0 ? [...listed, { place: where, what, more }] : listed;
  });
}

async function lookAtStore(store: Store): Promise<Look> {
  const seen = tally();
  let size = 0;
  for await (const { place, bytes } of store.examination?.everything() ?? []) {
    size += bytes.length;
    const name = `key ${place}`;
    const traces: Pick<Trace, "what" | "keyId">[] = tracesIn(bytes);
    if (traces.length === 0 && isVerifierRecord(name) && !isExpired(bytes)) traces.push({ what: "verifier" });
    for (const trace of traces) seen.add(trace, name, kindOf(name));
  }
  return { what: "live store", bytes: size, groups: seen.groups(), changed: 0 };
}

/** What the embedded store has let go but not yet swept: `<expiry> <version> {}`. */
function isExpired(bytes: Buffer): boolean {
  return / \{\}$/.test(bytes.subarray(-8).toString("latin1"));
}

async function lookAtFiles(paths: readonly string[], unpack: Unpack | undefined): Promise<Look[]> {
  const looks: Look[] = [];
  for (const path of paths) {
    const seen = tally();
    const where = `file ${path}`;
    const see = (trace: Trace) => seen.add(trace, `${where} at byte ${trace.at}`, where);
    const bytes = await lookThrough(path, see, unpack);
    looks.push({ what: path, bytes, groups: seen.groups(), changed: statSync(path).mtimeMs });
  }
  return looks;
}

function judge(look: Look, isErased: (group: Group) => boolean, since: number | undefined): Scanned {
  const erased = sumOf(look.groups.filter(isErased));
  const found = sumOf(look.groups) - erased;
  const anew = since !== undefined && look.changed >= since;
  const state = found > 0 ? "found" : erased > 0 ? "key-erased" : anew ? "rewritten" : "clean";
  return { what: look.what, bytes: look.bytes, found, erased, state };
}

function summaryOf(report: Omit<Report, "summary">): string {
  const { counts, scanned } = report;
  const bytes = scanned.reduce((sum, one) => sum + one.bytes, 0);
  const lines = [
    `Passwords at ${report.issuer} (store ${report.store_id}), ${report.date}.`,
    report.sealed ? `Sealed since ${report.sealed_at}.` : "Not sealed.",
    `${counts.total} accounts: ${counts.passkey_only} with a passkey alone, ${counts.password_and_passkey} with both, ` +
      `${counts.password_only} with a password alone, ${counts.neither} with neither.`,
    `Looked through the live store and ${scanned.length - 1} files, ${bytes} bytes.`,
    report.found === 0 ? "Found no password." : `Found ${report.found}; the places are listed.`,
    ...(report.erased > 0
      ? [`${report.erased} copies are left whose key is destroyed: nobody can read them.`]
      : []),
    ...(report.waived.length > 0
      ? [`${report.waived.length} passwords were waived by name at the seal.`]
      : []),
  ];
  return `${lines.join("\n")}\n`;
}
