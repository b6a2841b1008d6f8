/**
 * Takes the field out of the store for good. Nobody writes verifiers any more (`sealing`), the batches that had begun
 * are waited for, a last walk finds none, the keys are destroyed: that is the seal. Whoever was asleep meanwhile
 * writes what nobody can read.
 */
import { type Account, accountRecord } from "../account/account.ts";
import { accounts } from "../account/accounts.ts";
import { sweepVerifiers } from "../account/leftovers.ts";
import {
  type PasswordState,
  passwordState,
  readPasswordState,
  STATE,
  UNTOUCHED,
} from "../account/password-state.ts";
import { refuse } from "../errors.ts";
import { change } from "../store/change.ts";
import type { Millis } from "../store/store.ts";
import { alone } from "./alone.ts";
import type { Safe } from "./keys.ts";
import { removeVerifier } from "./verifiers.ts";
import { writersBefore } from "./writers.ts";

/** As long as an instance may take to notice what the state says. */
const NOTICED: Millis = 1_000;

export interface SealOptions {
  /** Ids of accounts whose open passwords are dropped with the seal. */
  waive?: readonly string[];
  /** Of each account whose password went with the seal. */
  tell?(account: Account): Promise<void>;
}

/**
 * Seals, or goes on with a seal that was killed.
 *
 * @throws `passwords_left` while any account that was not waived has an open password; then nothing has changed
 */
export function seal(safe: Safe, { waive = [], tell }: SealOptions = {}): Promise<PasswordState> {
  return alone(safe, async () => {
    const begun = await readPasswordState(safe.store);
    if (begun.seal === "sealed") return closeLatecomers(safe, begun);
    const waived = new Set([...(begun.seal === "sealing" ? (begun.waived ?? []) : []), ...waive]);
    await refuseWhileAnyIsLeft(safe, waived);
    const before = await become(safe, (state) => ({
      ...state,
      seal: state.seal === "sealed" ? "sealed" : "sealing",
      since: state.seal === "open" ? safe.clock.now() : state.since,
      waived: [...waived],
    }));
    if (before.seal === "sealed") return before;
    await Promise.all([writersBefore(safe.store), noticed()]);
    try {
      await refuseWhileAnyIsLeft(safe, waived);
    } catch (error) {
      await become(safe, ({ waived: _, ...state }) => ({ ...state, seal: "open" }));
      throw error;
    }
    return finish(safe, waived, tell);
  });
}

async function finish(
  safe: Safe,
  waived: ReadonlySet<string>,
  tell?: SealOptions["tell"],
): Promise<PasswordState> {
  const people = accounts(safe);
  for (const id of waived) {
    if (!isOpen((await accountRecord.read(safe.store, id))?.value)) continue;
    const dropped = await people.dropPassword(id);
    await removeVerifier(safe.store, id);
    await tell?.(dropped);
  }
  for (const id of await safe.shelf.list()) await safe.shelf.destroy(id);
  const sealed = await become(safe, ({ slowest: _, ...state }) => ({
    ...state,
    seal: "sealed",
    since: safe.clock.now(),
    keys: [],
  }));
  await sweepVerifiers(safe.store);
  await safe.store.examination?.rewrite();
  return sealed;
}

/** What an import wrote that slept through the seal: the documents say what the keys have long made true. */
async function closeLatecomers(safe: Safe, sealed: PasswordState): Promise<PasswordState> {
  await accounts(safe).sweep();
  return sealed;
}

function become({ store }: Safe, next: (state: PasswordState) => PasswordState): Promise<PasswordState> {
  const decide = (current = UNTOUCHED) => {
    const value = next(current);
    return { value, result: value };
  };
  return change(store, passwordState, STATE, decide, { durable: true });
}

/** @throws `passwords_left` */
async function refuseWhileAnyIsLeft(safe: Safe, waived: ReadonlySet<string>): Promise<void> {
  let left = 0;
  for await (const { entries } of safe.store.scan(accountRecord.kind)) {
    const open = entries.map(({ value }) => accountRecord.decode(value as object)).filter(isOpen);
    left += open.filter(({ id }) => !waived.has(id)).length;
  }
  if (left === 0) return;
  const detail = `${left} accounts still have one: see \`passwords status\`, \`passwords drop\`, or waive them by name.`;
  throw refuse("passwords_left", { detail, members: { left } });
}

function isOpen(account: Account | undefined): boolean {
  return account?.password?.state === "open";
}

function noticed(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, NOTICED));
}
