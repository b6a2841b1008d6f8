/** One run of a scenario, a move at a time. */
import { isRefusal } from "../../src/errors.ts";
import type { CommitOptions, Key, Kind, Store } from "../../src/store/store.ts";
import { type Cells, type ModelStore, modelStore, shown } from "./model-store.ts";

export type Actor = (store: Store) => Promise<unknown>;

export interface Scenario {
  /** What is in the store before anybody moves. */
  before?: (store: Store) => Promise<unknown>;
  actors: Record<string, Actor>;
}

export type Outcome = { value: unknown } | { refused: string };

/** What an invariant gets to see. */
export interface State {
  cells: Cells;
  /** What is in the store, as text; the same text, the same store. */
  stored: string;
  /** What finished actors came to: a value, or the code of a refusal. */
  outcomes: Map<string, Outcome>;
  /** The moves that led here, to read in a failure. */
  path: readonly string[];
  /** Whether any record expired on the way. */
  expired: boolean;
  /** Whether everybody has finished. */
  finished: boolean;
}

export interface Run {
  /** What may happen next: a name of an actor, or `expire <key>`. */
  moves(): string[];
  make(move: string): Promise<void>;
  /** Says which state this is: what is stored, and what everybody was answered. */
  key(): string;
  state(): State;
}

interface Player {
  name: string;
  /** The store call this actor waits for. */
  call: { own: boolean; make: () => Promise<unknown> } | undefined;
  /** All it was answered so far. */
  told: string;
  outcome: Outcome | undefined;
}

/** Versions are random; what tells them apart in a walk is whose they are, and the how manieth. */
type Labels = Map<string, string>;

const EXPIRE = "expire ";

export async function start({ before, actors }: Scenario): Promise<Run> {
  const cells: Cells = new Map();
  const store = modelStore(cells);
  await before?.(store);
  const labels: Labels = new Map([...cells.values()].map(({ version }, n) => [version, `start.${n}`]));
  const players = Object.entries(actors).map(([name, actor]) => play(name, actor, store, labels));
  await settle(players);
  const path: string[] = [];
  let expired = false;
  return {
    moves: () => moves(players, cells),
    async make(move) {
      path.push(move);
      if (move.startsWith(EXPIRE)) {
        expired = true;
        cells.delete(move.slice(EXPIRE.length) as Key);
        return;
      }
      await step(players.find(({ name }) => name === move)!, labels);
      await settle(players);
    },
    key: () => [expired, show(cells, labels), ...players.map(({ told }) => told)].join("\n"),
    state() {
      const done = players.flatMap(({ name, outcome }) => (outcome ? [[name, outcome] as const] : []));
      const finished = done.length === players.length;
      const stored = show(cells, labels);
      return { cells, stored, outcomes: new Map(done), path: [...path], expired, finished };
    },
  };
}

function play(name: string, actor: Actor, store: Store, labels: Labels): Player {
  const player: Player = { name, call: undefined, told: "", outcome: undefined };
  actor(stepped(store, player, labels)).then(
    (value) => {
      player.outcome = { value };
    },
    (error) => {
      player.outcome = { refused: isRefusal(error) ? error.code : String(error) };
    },
  );
  return player;
}

function moves(players: Player[], cells: Cells): string[] {
  const own = players.find(({ call }) => call?.own);
  if (own) return [own.name];
  const expirable = [...cells].filter(([, cell]) => cell.expiring).map(([key]) => EXPIRE + key);
  return [...players.filter(({ call }) => call).map(({ name }) => name), ...expirable.sort()];
}

async function step(player: Player, labels: Labels): Promise<void> {
  const { make } = player.call!;
  player.call = undefined;
  player.told += `${shown(await make(), labels)} `;
}

/** A store whose calls wait until the checker does them. */
function stepped(store: Store, player: Player, labels: Labels): Store {
  const post = <T>(key: Key | Kind, work: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      if (player.call)
        throw new Error(`${player.name} makes two calls at once, which cannot be put in order`);
      const make = () => {
        const done = work();
        done.then(resolve, reject);
        return done;
      };
      player.call = { own: key.endsWith(`-${player.name}`), make };
    });
  let versions = 0;
  const named = (options: CommitOptions) => {
    labels.set(options.version, `${player.name}.${versions++}`);
    return options;
  };
  const facade: ModelStore = {
    read: (key) => post(key, () => store.read(key)),
    write: (key, value, options) => post(key, () => store.write(key, value, options)),
    commit: (key, value, options) => post(key, () => store.commit(key, value, named(options))),
    take: (key, op) => post(key, () => store.take(key, op)),
    remove: (key) => post(key, () => store.remove(key)),
    // The log is a key of its own that nobody here reads: its order with anything else makes no difference.
    append: async () => {},
    async *scan(kind) {
      yield await post(kind, async () => (await store.scan(kind)[Symbol.asyncIterator]().next()).value);
    },
  };
  return facade as Store;
}

/** Lets every actor run on to its next store call, or its end. */
async function settle(players: Player[]): Promise<void> {
  for (let turn = 0; players.some(({ call, outcome }) => !call && !outcome); turn++) {
    if (turn > 1000) throw new Error("an actor waits for something that is no store call");
    await null;
  }
}

function show(cells: Cells, labels: Labels): string {
  const lines = [...cells].map(
    ([key, cell]) => `${key} ${cell.shown} ${labels.get(cell.version) ?? ""} ${cell.expiring}`,
  );
  return lines.sort().join("\n");
}
