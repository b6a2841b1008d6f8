/**
 * Mails on their way: kept in the store, sealed, until a mail server has taken them. Whoever is alive sends them, so
 * that neither a request waits for SMTP nor a mail is lost with the process that wrote it.
 *
 * A set names what waits and a record holds each mail. The name goes in first, so that no mail is ever out of sight.
 * Sending it begins with a commit that takes it away from the others for a while.
 */
import type { Clock } from "../clock.ts";
import { isRefusal } from "../errors.ts";
import type { Logger } from "../log.ts";
import { randomText } from "../random.ts";
import { newVersion, recordKind } from "../store/record.ts";
import type { Key, Millis, Store, Version } from "../store/store.ts";
import type { Vault } from "../vault.ts";

/** A mail as it goes out. */
export interface Mail {
  to: string;
  subject: string;
  text: string;
  html: string;
}

/** Hands a mail to the mail server. @throws {@link Undeliverable} when it will never take this one */
export type Deliver = (mail: Mail) => Promise<void>;

/** The mail server has refused this mail for good. */
export class Undeliverable extends Error {}

export interface Queue {
  /** Resolves when the mail is kept. */
  put(mail: Mail): Promise<void>;
  /** Sends what is due, one after another; resolves to how many were sent. */
  drain(): Promise<number>;
  /** How many wait, counted up to a thousand, and for how many seconds the oldest has. */
  waiting(): Promise<{ count: number; oldest: number }>;
}

/** What became of an attempt to send a mail. */
export type MailOutcome = "sent" | "failed" | "refused";

interface Waiting {
  /** The mail, sealed: it may hold a link that opens something. */
  sealed: string;
  attempts: number;
  /** Not before; milliseconds since the epoch. */
  due: number;
}

const mailRecord = recordKind<Waiting>("mail");
const QUEUE: Key = "queue:mail";
/** What no server took in three days nobody waits for any more. */
const TTL: Millis = 3 * 24 * 60 * 60_000;
/** How long one sender may take before another one tries. */
const LEASE: Millis = 2 * 60_000;
const FIRST_RETRY: Millis = 30_000;
const LAST_RETRY: Millis = 60 * 60_000;
const MOST_COUNTED = 1_000;

export interface QueueOptions {
  store: Store;
  vault: Vault;
  clock: Clock;
  log: Logger;
  deliver: Deliver;
  /** Is told what became of each attempt. */
  count?: ((outcome: MailOutcome) => void) | undefined;
}

export function mailQueue(options: QueueOptions): Queue {
  return {
    async put(mail) {
      const { store, vault, clock } = options;
      const id = `${clock.now().toString(36)}-${randomText(9)}`;
      await store.join(QUEUE, id);
      const sealed = vault.wrap(JSON.stringify(mail), "mail");
      const waiting: Waiting = { sealed, attempts: 0, due: clock.now() };
      await store.write(mailRecord.key(id), mailRecord.encode(waiting), { ttl: TTL });
    },
    drain: inTurn(() => drain(options)),
    async waiting() {
      const { store, clock } = options;
      const ids = await store.members(QUEUE, { limit: MOST_COUNTED });
      const [oldest] = ids;
      // Names begin with the moment of writing, and stand in its order.
      const since = oldest === undefined ? clock.now() : Number.parseInt(oldest, 36);
      return { count: ids.length, oldest: Math.max(0, clock.now() - since) / 1000 };
    },
  };
}

/** One round at a time. Who asks during one gets the next: what he has in mind may have come too late for this one. */
function inTurn<T>(round: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve();
  let waiting: Promise<T> | undefined;
  return () => {
    waiting ??= running
      .catch(() => {})
      .then(() => {
        waiting = undefined;
        const begun = round();
        running = begun;
        return begun;
      });
    return waiting;
  };
}

async function drain(options: QueueOptions): Promise<number> {
  let sent = 0;
  let after: string | undefined;
  for (;;) {
    const ids = await options.store.members(QUEUE, after === undefined ? {} : { after });
    for (const id of ids) {
      const outcome = await attempt(options, id);
      if (outcome === "sent") sent++;
      // A server that is away is away for the next one, too.
      if (outcome === "away") return sent;
    }
    after = ids.at(-1);
    if (after === undefined) return sent;
  }
}

/** `away`: the mail server cannot take mail now. */
type Outcome = "sent" | "away" | "passed";

async function attempt(options: QueueOptions, id: string): Promise<Outcome> {
  const { store, clock, vault, log, deliver } = options;
  const found = await mailRecord.read(store, id);
  if (!found) {
    // Whoever named it may be about to write it.
    if (Number.parseInt(id, 36) + LEASE < clock.now()) await store.leave(QUEUE, id);
    return "passed";
  }
  const { value: waiting } = found;
  if (waiting.due > clock.now()) return "passed";
  const version = newVersion();
  const leased = { ...waiting, attempts: waiting.attempts + 1, due: clock.now() + LEASE };
  if (!(await commit(store, id, leased, found.version, version))) return "passed";
  try {
    await deliver(JSON.parse(vault.open(waiting.sealed, "mail")) as Mail);
    options.count?.("sent");
  } catch (error) {
    if (isRefusal(error) && !isRefusal(error, "secret_mismatch")) throw error;
    log.warn({ attempts: leased.attempts, err: error }, "a mail could not be sent");
    options.count?.(error instanceof Undeliverable ? "refused" : "failed");
    if (!(error instanceof Undeliverable)) {
      await commit(
        store,
        id,
        { ...leased, due: clock.now() + pause(leased.attempts) },
        version,
        newVersion(),
      );
      return "away";
    }
  }
  await store.remove(mailRecord.key(id));
  await store.leave(QUEUE, id);
  return "sent";
}

function commit(
  store: Store,
  id: string,
  waiting: Waiting,
  expect: Version,
  version: Version,
): Promise<boolean> {
  return store.commit(mailRecord.key(id), mailRecord.encode(waiting), { expect, version, ttl: TTL });
}

/** 30 seconds, then twice as long each time, up to an hour. */
function pause(attempts: number): Millis {
  return Math.min(LAST_RETRY, FIRST_RETRY * 2 ** (attempts - 1));
}
