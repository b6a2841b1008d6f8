/**
 * A checker that runs real code in every possible order.
 *
 * Each actor is an asynchronous function over a store. It stops at every store call, and the checker decides whose
 * call is done next, or which record expires. A crash needs no move of its own: an actor that died is one that is
 * never moved again, so whoever looks at a state has to suppose that everybody under way died there.
 *
 * An actor's code is deterministic, so what it was answered so far says where it is. States that agree in the
 * records and in all answers are therefore the same state and are walked once. A key that ends in `-` and an actor's
 * name is that actor's own: nobody else looks at it, so a call on it is done at once and not in every order.
 */
import { type Scenario, type State, start } from "./run.ts";

export interface Walk {
  states: number;
  /** The distinct results of runs that went to their end. */
  ends: Set<string>;
}

/** Walks every state of a scenario and holds the invariant against each. */
export async function explore(scenario: Scenario, invariant: (state: State) => Promise<void>): Promise<Walk> {
  const known = new Set([(await start(scenario)).key()]);
  const ends = new Set<string>();
  const branches: string[][] = [[]];
  for (let path = branches.pop(); path !== undefined; path = branches.pop()) {
    const run = await start(scenario);
    for (const move of path) await run.make(move);
    for (let next: string | undefined = ""; next !== undefined; ) {
      const state = run.state();
      await invariant(state);
      if (state.finished) ends.add(summary(state));
      const fresh = run.moves().filter(({ leadsTo }) => !known.has(leadsTo));
      for (const { leadsTo } of fresh) known.add(leadsTo);
      for (const { move } of fresh.slice(1)) branches.push([...state.path, move]);
      next = fresh[0]?.move;
      if (next !== undefined) await run.make(next);
    }
  }
  return { states: known.size, ends };
}

function summary({ outcomes, expired }: State): string {
  const told = [...outcomes].map(
    ([name, outcome]) => `${name}: ${"refused" in outcome ? outcome.refused : "done"}`,
  );
  return `${told.join(", ")}${expired ? " (after an expiry)" : ""}`;
}
