/**
 * Which key signs when: pure decisions about the one record that all instances share.
 *
 * A new key is published before it signs, so that apps that keep our keys for a while know it by then, and an old one
 * stays after it has signed for the last time. The plan stands in the record, so there is no step that a crash could
 * come between: whoever reads it knows what holds now.
 */
import { refuse } from "../errors.ts";
import { recordKind } from "../store/record.ts";
import type { Millis } from "../store/store.ts";

export interface StoredKey {
  kid: string;
  alg: string;
  /** The private JWK, wrapped. */
  wrapped: string;
  created: number;
  /** When it begins to sign; milliseconds since the epoch. Absent: at once. */
  from?: number;
}

export interface KeySet {
  keys: StoredKey[];
}

export const keySetRecord = recordKind<KeySet>("keys");
export const SIGNING = "signing";

/** ES256 is preferred: it signs sixteen times faster. */
export const ALGORITHMS = ["ES256", "RS256"] as const;

/** How long a new key is published before it signs, unless the operator says otherwise: longer than apps keep keys. */
export const LEAD: Millis = 60 * 60 * 1000;

/**
 * How long a key stays after another one has taken over. Its ID tokens are valid for an hour, but apps show them to us
 * again as hints for as long as a session may live.
 */
export const KEPT: Millis = 30 * 24 * 60 * 60 * 1000;

/** `next`: published. `signing`. `past`: signs no more, and is still published. */
export type KeyState = "next" | "signing" | "past";

export interface PlannedKey extends StoredKey {
  state: KeyState;
  /** When its successor began; of a past key. */
  until?: number;
}

/** The keys as they stand now: those that sign first, in the order of preference. */
export function plan({ keys }: KeySet, now: number): PlannedKey[] {
  const planned = keys.map((key): PlannedKey => {
    if (begins(key) > now) return { ...key, state: "next" };
    const later = keys.filter(
      (other) => other.alg === key.alg && begins(other) <= now && isAfter(other, key),
    );
    if (later.length === 0) return { ...key, state: "signing" };
    return { ...key, state: "past", until: Math.min(...later.map(begins)) };
  });
  const rank = { signing: 0, next: 1, past: 2 };
  const preference = ({ alg }: StoredKey) => (ALGORITHMS as readonly string[]).indexOf(alg);
  return planned.sort((a, b) => rank[a.state] - rank[b.state] || preference(a) - preference(b));
}

function begins({ from, created }: StoredKey): number {
  return from ?? created;
}

/** Of two keys that began at the same moment one is the later one, on every instance the same. */
function isAfter(one: StoredKey, other: StoredKey): boolean {
  return begins(one) > begins(other) || (begins(one) === begins(other) && one.kid > other.kid);
}

/** Adds keys that begin later. `undefined` while others wait already: of two who rotate at once, one does. */
export function rotate(set: KeySet, made: readonly StoredKey[], now: number): KeySet | undefined {
  if (set.keys.some((key) => begins(key) > now)) return undefined;
  return { keys: [...set.keys, ...made] };
}

/** @throws `key_unknown`, `key_in_use` for one that signs, or will */
export function retire(set: KeySet, kid: string, now: number): KeySet {
  const key = plan(set, now).find((one) => one.kid === kid);
  if (!key) throw refuse("key_unknown");
  if (key.state !== "past") throw refuse("key_in_use");
  return { keys: set.keys.filter((one) => one.kid !== kid) };
}

/** Those whose tokens nobody needs any more. */
export function outlived(set: KeySet, now: number): PlannedKey[] {
  return plan(set, now).filter(({ until }) => until !== undefined && until + KEPT <= now);
}
