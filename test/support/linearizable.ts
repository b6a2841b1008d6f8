/**
 * Is a history of calls to a store one that a store without concurrency could have given? For each key a search over
 * the orders that real time allows (Wing and Gong), remembering what was tried. A call whose outcome nobody knows may
 * have happened at any time after it began, or never.
 */
import type { Store, Stored } from "../../src/store/store.ts";
import { patiently } from "./journal.ts";

export type Call =
  | { do: "read" }
  | { do: "commit"; value: unknown; expect: string; version: string }
  | { do: "take"; op: string };

export interface Recorded {
  key: string;
  call: Call;
  /** When it began and when its answer came. */
  from: number;
  until: number;
  /** `undefined` when the call failed: it may have happened, or may yet happen. */
  outcome: { value: unknown } | undefined;
}

/** One key, as the port describes it. */
interface State {
  live?: Stored<unknown>;
  taken?: { op: string; value: unknown };
}

/** What a call answers in a state, and the state after it. */
function step({ live, taken }: State, call: Call): [outcome: unknown, state: State] {
  if (call.do === "read") return [live, { ...(live ? { live } : {}), ...(taken ? { taken } : {}) }];
  if (call.do === "take") {
    if (taken?.op === call.op) return [taken.value, { taken }];
    return live
      ? [live.value, { taken: { op: call.op, value: live.value } }]
      : [undefined, { ...(taken ? { taken } : {}) }];
  }
  const found = live?.version ?? "absent";
  const same: State = { ...(live ? { live } : {}), ...(taken ? { taken } : {}) };
  if (found === call.version) return [true, same];
  if (found !== call.expect) return [false, same];
  return [true, { live: { value: call.value, version: call.version } }];
}

/** The keys whose histories no order explains. */
export function inexplicable(history: readonly Recorded[]): string[] {
  const keys = [...new Set(history.map(({ key }) => key))];
  return keys.filter((key) => !isExplicable(history.filter((call) => call.key === key)));
}

function isExplicable(calls: readonly Recorded[]): boolean {
  const ordered = [...calls].sort((a, b) => a.from - b.from);
  const ends = ordered.map(({ until, outcome }) => (outcome ? until : Number.POSITIVE_INFINITY));
  const tried = new Set<string>();
  const done = new Array<boolean>(ordered.length).fill(false);

  function search(state: State): boolean {
    const open = ordered.flatMap((_, i) => (done[i] ? [] : [i]));
    if (open.every((i) => ordered[i]?.outcome === undefined)) return true;
    const mark = `${open} ${JSON.stringify(state)}`;
    if (tried.has(mark)) return false;
    tried.add(mark);
    // Whatever began after another one had ended comes after it.
    const first = Math.min(...open.map((i) => ends[i] as number));
    for (const i of open) {
      const { call, from, outcome } = ordered[i] as Recorded;
      if (from > first) break;
      const [answer, next] = step(state, call);
      if (outcome && written(outcome.value) !== written(answer)) continue;
      done[i] = true;
      if (search(next)) return true;
      done[i] = false;
    }
    return false;
  }

  return search({});
}

/** The order of an object's members says nothing. */
function written(answer: unknown): string | undefined {
  const { value, version } = (answer ?? {}) as Partial<Stored<unknown>>;
  return version === undefined ? JSON.stringify(answer) : `${version} ${JSON.stringify(value)}`;
}

/** Carries out calls and notes when each began, when it ended, and how. */
export class Recorder {
  readonly history: Recorded[] = [];

  /** Of a call that fails nobody knows the outcome; whoever made it waits until its store is back. */
  async record(
    store: Pick<Store, "read" | "commit" | "take">,
    key: `${string}:${string}`,
    call: Call,
  ): Promise<unknown> {
    const until = Number.POSITIVE_INFINITY;
    const noted: Recorded = { key, call, from: performance.now(), until, outcome: undefined };
    this.history.push(noted);
    try {
      const value = await perform(store, key, call);
      noted.outcome = { value };
      noted.until = performance.now();
      return value;
    } catch {
      noted.until = performance.now();
      await patiently(() => store.read("nothing:here"));
      return undefined;
    }
  }
}

function perform(
  store: Pick<Store, "read" | "commit" | "take">,
  key: `${string}:${string}`,
  call: Call,
): Promise<unknown> {
  if (call.do === "read") return store.read(key);
  if (call.do === "take") return store.take(key, call.op);
  const { value, expect, version } = call;
  return store.commit(key, value, { expect, version, durable: true });
}
