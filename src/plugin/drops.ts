/**
 * The erasure of passwords that are closed: owed by the document from the moment it says `closed`, until the host has
 * confirmed it. What this process remembers besides only makes the next attempt come sooner; whatever dies in between,
 * the next walk over the documents finds it.
 */
import { accountRecord } from "../account/account.ts";
import { entries } from "../account/leftovers.ts";
import { confirmDropped, isDropOwed } from "../account/password-way.ts";
import { type AccountsOptions, revise } from "../account/revise.ts";
import type { Logger } from "../log.ts";
import type { Millis } from "../store/store.ts";
import type { HostPasswords } from "./options.ts";

export interface Drops {
  /** Has the host erase the password of an account, if that is owed. Never rejects: it stays owed. */
  drop(accountId: string): Promise<boolean>;
  /** Tries again where this process has failed, each after a pause that doubles; returns how many were confirmed. */
  retry(): Promise<number>;
  /** Walks over all documents; returns how many were confirmed. */
  sweep(): Promise<number>;
}

interface Attempts {
  tries: number;
  /** Not before; milliseconds since the epoch. */
  due: number;
}

const FIRST_PAUSE: Millis = 25_000;
const LAST_PAUSE: Millis = 60 * 60_000;

/** A host that fails is asked ever more seldom, and once an hour in the end. */
const pause = (tries: number): Millis => Math.min(FIRST_PAUSE * 2 ** (tries - 1), LAST_PAUSE);

export function drops(
  options: AccountsOptions,
  host: Pick<HostPasswords, "dropPassword">,
  log: Logger,
): Drops {
  const { store, clock } = options;
  const failed = new Map<string, Attempts>();
  async function drop(accountId: string): Promise<boolean> {
    try {
      const found = await accountRecord.read(store, accountId);
      const owed = found !== undefined && isDropOwed(found.value);
      if (owed && (await host.dropPassword(accountId)) === false) throw new Error("the host said no");
      if (owed) await revise(options, accountId, confirmDropped, { durable: true });
      failed.delete(accountId);
      return owed;
    } catch (error) {
      const tries = (failed.get(accountId)?.tries ?? 0) + 1;
      failed.set(accountId, { tries, due: clock.now() + pause(tries) });
      log.warn(
        { account: accountId, err: error },
        "a closed password could not be dropped; it is tried again",
      );
      return false;
    }
  }
  return {
    drop,
    async retry() {
      let confirmed = 0;
      const due = [...failed].filter(([, attempts]) => attempts.due <= clock.now());
      for (const [id] of due) if (await drop(id)) confirmed++;
      return confirmed;
    },
    async sweep() {
      let confirmed = 0;
      for await (const { value } of entries(store, accountRecord.kind)) {
        const account = accountRecord.decode(value as object);
        if (isDropOwed(account) && (await drop(account.id))) confirmed++;
      }
      return confirmed;
    },
  };
}
