/** The shape of a check of the store contract, and what the checks share. */
import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Batch, Store } from "../../store/store.ts";

/** The store under test. */
export interface ContractStore {
  store: Store;
  /** A further handle on the same data, as another process would have it; the caller closes it. */
  reopen(): Promise<Store>;
}

export interface Check {
  /** A sentence that is true of a correct store. */
  title: string;
  /** Rejects with an `AssertionError` when it is not. */
  run(opened: ContractStore): Promise<void>;
}

/** Letters and digits that no other check uses. */
export function unique(): string {
  return randomBytes(9).toString("hex");
}

/** Waits until `isSo`, asking again and again. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await pause(5);
}

/** `n` calls at once. */
export function times<T>(n: number, call: (i: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: n }, (_, i) => call(i)));
}

export async function collect<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of iterable) all.push(one);
  return all;
}

/** Every entry of a walk once, by key. */
export async function entries(batches: AsyncIterable<Batch>): Promise<Map<string, unknown>> {
  const all = (await collect(batches)).flatMap((batch) => batch.entries);
  return new Map(all.map(({ key, value }) => [key, value]));
}
