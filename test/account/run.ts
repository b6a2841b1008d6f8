/** One run of a scenario, a move at a time. */
import { isRefusal } from "../../src/errors.ts";
import type { Key, Store } from "../../src/store/store.ts";
import { type Call, type Cells, modelStore, storeOver } from "./model-store.ts";

export type Actor = (store: Store) => Promise<unknown>;

export interface Scenario {
  /** What is in the store before anybody moves. */
  before?: (store: Store) => Promise<unknown>;
  actors: Record<string, Actor>;
  /** Actors that differ in their names only: they begin in this order, as any other order would be the same. */
  alike?: string[];
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
  /** Which state this is: what is stored, and what everybody was answered. */
  key(): string;
  state(): State;
  /** What may happen next, and to which state it leads. */
  moves(): { move: string; leadsTo: string }[];
  make(move: string): Promise<void>;
}

interface Player {
  name: string;
  /** The store call this actor waits for, and what goes on with its answer. */
  waits: { own: boolean; call: Call<unknown>; goOn: (answer: unknown) => void } | undefined;
  /** All it was answered so far. */
  told: string;
  outcome: Outcome | undefined;
  /** What no actor may come to: an error that is no refusal. */
  fault: unknown;
}

/** Versions are random; what tells them apart in a walk is who wrote them and which of his writes it was. */
type Labels = Map<string, string>;

const EXPIRE = "expire ";

/** Members of records that differ from run to run and decide nothing. */
const RANDOM = new Set(["outbox", "created", "token"]);

export async function start({ before, actors, alike = [] }: Scenario): Promise<Run> {
  const cells: Cells = new Map();
  await before?.(modelStore(cells));
  const labels: Labels = new Map([...cells.values()].map(({ version }, n) => [version, `start.${n}`]));
  const players = Object.entries(actors).map(([name, actor]) => play(name, actor, labels));
  await settle(players);
  const path: string[] = [];
  const expired = () => path.some((move) => move.startsWith(EXPIRE));
  const tales = () => players.map(({ told }) => told);
  const key = (now: Cells, told: string[], late: boolean) => [late, showAll(now, labels), ...told].join("\n");
  const after = (move: string) => {
    const later: Cells = new Map(cells);
    if (move.startsWith(EXPIRE)) {
      later.delete(expiredBy(move));
      return key(later, tales(), true);
    }
    const answer = players.find(({ name }) => name === move)?.waits?.call(later);
    const told = players.map((player) => player.told + (player.name === move ? heard(answer, labels) : ""));
    return key(later, told, expired());
  };
  return {
    key: () => key(cells, tales(), expired()),
    state() {
      const done = players.flatMap(({ name, outcome }) => (outcome ? [[name, outcome] as const] : []));
      const finished = done.length === players.length;
      const stored = showAll(cells, labels);
      return { cells, stored, outcomes: new Map(done), path: [...path], expired: expired(), finished };
    },
    moves: () => possible(players, cells, alike).map((move) => ({ move, leadsTo: after(move) })),
    async make(move) {
      path.push(move);
      if (move.startsWith(EXPIRE)) {
        cells.delete(expiredBy(move));
        return;
      }
      step(players.find(({ name }) => name === move)!, cells, labels);
      await settle(players);
    },
  };
}

function play(name: string, actor: Actor, labels: Labels): Player {
  const player: Player = { name, waits: undefined, told: "", outcome: undefined, fault: undefined };
  actor(stepped(player, labels)).then(
    (value) => {
      player.outcome = { value };
    },
    (error) => {
      if (isRefusal(error)) player.outcome = { refused: error.code };
      else player.fault = error;
    },
  );
  return player;
}

function possible(players: Player[], cells: Cells, alike: string[]): string[] {
  const own = players.find(({ waits }) => waits?.own);
  if (own) return [own.name];
  const expirable = [...cells].filter(([, cell]) => cell.expiring).map(([key]) => EXPIRE + key);
  const unbegun = alike.filter((name) =>
    players.some((player) => player.name === name && player.told === ""),
  );
  const movable = players.filter(({ waits, name }) => waits && !unbegun.slice(1).includes(name));
  return [...movable.map(({ name }) => name), ...expirable.sort()];
}

function expiredBy(move: string): Key {
  return move.slice(EXPIRE.length) as Key;
}

function step(player: Player, cells: Cells, labels: Labels): void {
  const { call, goOn } = player.waits!;
  player.waits = undefined;
  const answer = call(cells);
  player.told += heard(answer, labels);
  goOn(answer);
}

/** A store whose calls wait until the checker does them. */
function stepped(player: Player, labels: Labels): Store {
  let versions = 0;
  const store = storeOver(<T>(at: string, call: Call<T>) => {
    if (player.waits) throw new Error(`${player.name} makes two calls at once, which cannot be put in order`);
    return new Promise<T>((resolve) => {
      player.waits = {
        own: at.endsWith(`-${player.name}`),
        call,
        goOn: resolve as (answer: unknown) => void,
      };
    });
  });
  const commit: Store["commit"] = (key, value, options) => {
    labels.set(options.version, `${player.name}.${versions++}`);
    return store.commit(key, value, options);
  };
  return { ...store, commit };
}

/** Lets every actor run on to its next store call, or its end. */
async function settle(players: Player[]): Promise<void> {
  for (let turn = 0; players.some(({ waits, outcome }) => !waits && !outcome); turn++) {
    for (const { fault } of players) if (fault !== undefined) throw fault;
    if (turn > 1000) throw new Error("an actor waits for something that is no store call");
    await null;
  }
}

function showAll(cells: Cells, labels: Labels): string {
  const lines = [...cells].map(([key, cell]) => {
    cell.shown ??= plain(JSON.parse(cell.json), labels);
    return `${key} ${cell.shown} ${labels.get(cell.version) ?? ""} ${cell.expiring}`;
  });
  return lines.sort().join("\n");
}

function heard(answer: unknown, labels: Labels): string {
  return `${plain(answer, labels)} `;
}

function plain(value: unknown, labels: Labels): string {
  return JSON.stringify(value ?? null, (name, inner) => {
    if (RANDOM.has(name)) return undefined;
    return name === "version" ? (labels.get(inner) ?? "") : inner;
  });
}
