/**
 * Looks for passwords wherever one could be left: in everything the store hands out, in the files it lies in, and in
 * those the operator names. What comes out is a report that says what was looked at, and what was found where.
 */
import { statSync } from "node:fs";
import { type PasswordState, VERIFIER } from "../account/password-state.ts";
import type { Counts } from "../account/password-status.ts";
import type { Store } from "../store/store.ts";
import { filesBelow, lookThrough, type Unpack } from "./files.ts";
import { type Trace, tracesIn } from "./traces.ts";

export interface Place {
  place: string;
  what: string;
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
  /** Where they were found; the first thousand. */
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
  traces: (Trace & { place: string })[];
  changed: number;
}

export async function prove(subject: Subject): Promise<Report> {
  const { store, state } = subject;
  const own = (await store.examination?.files()) ?? [];
  const paths = [...new Set([...own, ...subject.files.flatMap(filesBelow)])];
  const looks = [await lookAtStore(store), ...(await lookAtFiles(paths, subject.unpack))];
  // A verifier is as readable as its key: one in the files is as good as one in place.
  const copied = looks.flatMap(({ traces }) =>
    traces.flatMap(({ what, keyId }) => (what === "key" && keyId ? [keyId] : [])),
  );
  const keys = new Set([...subject.keys, ...copied]);
  const isErased = ({ what, keyId, place }: Look["traces"][number]) =>
    what === "verifier" && keyId !== undefined && !keys.has(keyId) && !isVerifierRecord(place);
  const scanned = looks.map((look) =>
    judge(look, isErased, state.seal === "sealed" ? state.since : undefined),
  );
  const found = looks.flatMap(({ traces }) => traces.filter((trace) => !isErased(trace)));
  const report = {
    type: "latchkey-password-report" as const,
    issuer: subject.issuer,
    store_id: subject.storeId,
    date: new Date(subject.now).toISOString(),
    sealed: state.seal === "sealed",
    sealed_at: state.seal === "sealed" ? new Date(state.since).toISOString() : null,
    counts: subject.counts,
    found: found.length,
    erased: scanned.reduce((sum, one) => sum + one.erased, 0),
    places: found.slice(0, MOST_PLACES).map(({ place, what }) => ({ place, what })),
    scanned,
    waived: state.waived ?? [],
  };
  return { ...report, summary: summaryOf(report) };
}

/** A record where verifiers are kept counts, whatever is in it. */
function isVerifierRecord(place: string): boolean {
  return new RegExp(`^key .*\\b${VERIFIER}:`).test(place);
}

async function lookAtStore(store: Store): Promise<Look> {
  const look: Look = { what: "live store", bytes: 0, traces: [], changed: 0 };
  if (!store.examination) return look;
  for await (const { place, bytes } of store.examination.everything()) {
    look.bytes += bytes.length;
    const name = `key ${place}`;
    const traces = tracesIn(bytes).map((trace) => ({ ...trace, place: name }));
    if (traces.length === 0 && isVerifierRecord(name) && !isExpired(bytes)) {
      traces.push({ what: "verifier", at: 0, place: name });
    }
    look.traces.push(...traces);
  }
  return look;
}

/** What the embedded store has let go but not yet swept: `<expiry> <version> {}`. */
function isExpired(bytes: Buffer): boolean {
  return / \{\}$/.test(bytes.subarray(-8).toString("latin1"));
}

async function lookAtFiles(paths: readonly string[], unpack: Unpack | undefined): Promise<Look[]> {
  const looks: Look[] = [];
  for (const path of paths) {
    const { bytes, traces } = await lookThrough(path, unpack);
    const placed = traces.map((trace) => ({ ...trace, place: `file ${path} at byte ${trace.at}` }));
    looks.push({ what: path, bytes, traces: placed, changed: statSync(path).mtimeMs });
  }
  return looks;
}

function judge(
  look: Look,
  isErased: (trace: Look["traces"][number]) => boolean,
  since: number | undefined,
): Scanned {
  const erased = look.traces.filter(isErased).length;
  const found = look.traces.length - erased;
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
