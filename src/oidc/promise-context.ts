/**
 * A context that follows promises: what `AsyncLocalStorage` is on Node.js 20 and 22 costs every promise of the process
 * several calls, because it keeps account of ids, timers and sockets too. Here each promise remembers one reference,
 * and what waits for it finds it again; callbacks that are no promise's have no context. From Node.js 24 on
 * `AsyncLocalStorage` is cheap, and this is not used.
 */
import type { AsyncLocalStorage } from "node:async_hooks";
import { promiseHooks } from "node:v8";

export type Context = Pick<AsyncLocalStorage<object>, "run" | "getStore">;

const MARK = Symbol("context");
type Marked = Promise<unknown> & { [MARK]?: object | undefined };

/** Whether this runtime's own storage costs every promise. */
export const isNeeded = Number(process.versions.node.split(".")[0]) < 24;

/** Makes the one context of a process: each costs every promise. */
export function promiseContext(): Context {
  let current: object | undefined;
  promiseHooks.createHook({
    init(promise: Marked) {
      if (current !== undefined) promise[MARK] = current;
    },
    before(promise: Marked) {
      current = promise[MARK];
    },
    after() {
      current = undefined;
    },
  });
  const run = <R, A extends unknown[]>(store: object, callback: (...args: A) => R, ...args: A): R => {
    const outer = current;
    current = store;
    try {
      return callback(...args);
    } finally {
      current = outer;
    }
  };
  return { run, getStore: () => current };
}
