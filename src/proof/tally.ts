/**
 * Traces, counted as they are seen: every one counts, and of each kind in each place only the first few are kept by
 * name, so that a backup of a million passwords takes no more memory than one of ten.
 */
import { VERIFIER } from "../account/password-state.ts";
import type { Trace } from "./traces.ts";

/** Of each kind in each file, or in each kind of record, so many are named. */
const NAMED = 20;
/** Keys and kinds that are told apart; what comes beyond is counted as what somebody could still use. */
const MOST_GROUPS = 1000;

/** What is alike: of one form, under one key, in one kind of place. */
export interface Group {
  what: string;
  /** The key that a verifier needs, or that a key is. */
  keyId?: string;
  /** A record where verifiers are kept counts, whatever is in it. */
  isRecord: boolean;
  /** What they have in common: a kind of record, or the file. */
  where: string;
  count: number;
  /** The first few of them. */
  places: string[];
}

export interface Tally {
  add(trace: Pick<Trace, "what" | "keyId">, place: string, where: string): void;
  groups(): readonly Group[];
}

export function tally(): Tally {
  const groups = new Map<string, Group>();
  const groupOf = (made: Omit<Group, "count" | "places">): Group => {
    const name = JSON.stringify([made.what, made.keyId, made.isRecord, made.where]);
    const known = groups.get(name);
    if (known) return known;
    if (groups.size >= MOST_GROUPS && made.where !== ELSEWHERE) {
      return groupOf({ what: made.what, isRecord: made.isRecord, where: ELSEWHERE });
    }
    const group = { ...made, count: 0, places: [] };
    groups.set(name, group);
    return group;
  };
  return {
    add({ what, keyId }, place, where) {
      const isRecord = isVerifierRecord(place);
      const group = groupOf({ what, isRecord, where, ...(keyId === undefined ? {} : { keyId }) });
      group.count++;
      if (group.places.length < NAMED) group.places.push(place);
    },
    groups: () => [...groups.values()],
  };
}

/** Where those are that are no longer told apart. */
export const ELSEWHERE = "further places";

/** The kind of the record at a place of the live store: what all of its kind have in common. */
export function kindOf(place: string): string {
  const key = place.slice(place.lastIndexOf(" ") + 1);
  const [first = "", second = ""] = key.split(":");
  return `records of the kind ${first === "latchkey" ? second : first}`;
}

const VERIFIER_RECORD = new RegExp(`^key .*\\b${VERIFIER}:`);

export function isVerifierRecord(place: string): boolean {
  return VERIFIER_RECORD.test(place);
}
