/**
 * What somebody has shown so far in a sign-in that takes several steps: a legacy password or a recovery code opens
 * no session and gives an app nothing; it opens a sitting, in which a passkey is made and proved. Only then does the
 * visit finish. A sitting is bound to its visit and its browser, and every step is a commit against the one before.
 */
import { refuse } from "../../errors.ts";
import { fingerprint, newVersion, recordKind } from "../../store/record.ts";
import type { Millis, Store, Stored } from "../../store/store.ts";
import type { Visit } from "./visit.ts";

export interface Sitting {
  /** What brought the person here, and so what the proof of the new passkey completes. */
  purpose: "conversion" | "recovery" | "objection";
  account: string;
  /**
   * `confirm`: a second proof is owed. `mailed`: a code was mailed, which begins a recovery. `enrol`: a passkey may be made. `prove`: exactly that passkey has to sign in.
   * `object`: a passkey that was declared lost has signed in, and its holder is asked. `wait`: the recovery is done, and
   * takes effect later. `codes`: it has used the last code, and a new set is owed; `coded`: that is being shown.
   */
  stage: "confirm" | "mailed" | "enrol" | "prove" | "object" | "wait" | "codes" | "coded";
  /** The name that was typed, hashed, for the stage `mailed`. */
  login?: string;
  /** SHA-256 of the code that was mailed, for the stages `confirm` and `mailed`. */
  code?: string;
  /** The credential id of the passkey that was made here. */
  passkey?: string;
  /** The rung of the ladder, at a recovery, and when it was climbed; milliseconds since the epoch. */
  by?: "code" | "pass" | "email";
  began?: number;
  /** When the proof was given with which the visit is finished later; milliseconds since the epoch. */
  proved?: number;
  /** Credential ids that were declared lost, at a recovery. */
  lost?: string[];
}

/** As long as an interaction. */
const TTL: Millis = 30 * 60 * 1000;

const sittingRecord = recordKind<Sitting>("sitting");

function idOf({ id, browser }: Visit): string {
  return fingerprint(`${id} ${browser}`);
}

/** Begins anew, whatever was begun before in this visit. */
export async function beginSitting(store: Store, visit: Visit, sitting: Sitting): Promise<void> {
  await store.write(sittingRecord.key(idOf(visit)), sittingRecord.encode(sitting), { ttl: TTL });
}

export function findSitting(store: Store, visit: Visit): Promise<Stored<Sitting> | undefined> {
  return sittingRecord.read(store, idOf(visit));
}

/** The sitting of this visit at one stage. @throws `ceremony_expired` */
export async function sittingAt(
  store: Store,
  visit: Visit,
  stage: Sitting["stage"],
): Promise<Stored<Sitting>> {
  const found = await findSitting(store, visit);
  if (found?.value.stage !== stage) throw refuse("ceremony_expired");
  return found;
}

/** Goes on to the next stage. Of two answers to one stage one goes on. @throws `ceremony_expired` */
export async function advanceSitting(
  store: Store,
  visit: Visit,
  from: Stored<Sitting>,
  to: Partial<Sitting>,
): Promise<void> {
  const next = { ...from.value, ...to };
  const how = { expect: from.version, version: newVersion(), ttl: TTL };
  const moved = await store.commit(sittingRecord.key(idOf(visit)), sittingRecord.encode(next), how);
  if (!moved) throw refuse("ceremony_expired");
}

/** Takes the sitting away; true for exactly one caller. */
export async function endSitting(store: Store, visit: Visit): Promise<boolean> {
  return (await store.take(sittingRecord.key(idOf(visit)), newVersion())) !== undefined;
}
