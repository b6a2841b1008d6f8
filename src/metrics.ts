/**
 * What is counted for whoever operates this server. Everything is told here by places that know it anyhow (events, the
 * end of an answer, a change that was kept), and nothing is loaded where no admin port is set.
 */
import type { Event, Listener, Way } from "./events.ts";
import { GRANTS } from "./metrics/definitions.ts";
import { type Exposition, exposition } from "./metrics/exposition.ts";
import { type Instruments, instruments } from "./metrics/instruments.ts";
import { alone, type Peers } from "./metrics/peers.ts";
import { wayRefused, word } from "./metrics/refused.ts";
import { merged } from "./metrics/snapshot.ts";

/** An answer that is over. */
export interface Answered {
  /** The route's pattern, one of a closed set. */
  route: string;
  method: string | undefined;
  /** Undefined when it broke off before it was answered. */
  status: number | undefined;
  seconds: number;
  /** The stable code of our own error. */
  code?: string | undefined;
}

/** What is asked only when somebody looks; each must answer soon, and what fails is left out. */
export interface Gauges {
  ping(): Promise<void>;
  mail?: (() => Promise<{ count: number; oldest: number }>) | undefined;
}

export interface Metrics {
  event: Listener;
  signedIn(way: Way): void;
  answered(answer: Answered): void;
  issued(grant: unknown): void;
  failed(endpoint: "authorization" | "token" | "userinfo", error: unknown): void;
  notice(outcome: "told" | "later" | "given_up"): void;
  mail(outcome: "sent" | "failed" | "refused"): void;
  kept(outcome: "kept" | "failed", seconds: number): void;
  /** From now on a scrape asks these, too. */
  ask(gauges: Gauges): void;
  /** What all processes have counted, in the format that the asker takes. */
  scrape(accept: string): Promise<Exposition>;
  /** Leaves what was counted to the other processes. */
  close(): Promise<void>;
}

const REGISTRATIONS: Readonly<Partial<Record<Event["type"], string>>> = {
  "account.created": "account",
  "owner.created": "owner",
  "passkey.registered": "passkey",
};

const CONVERSIONS: Readonly<Partial<Record<Event["type"], string>>> = {
  "password.closed": "closed",
  "password.removed": "removed",
  "password.dropped": "dropped",
  "conversion.undone": "undone",
};

export interface MetricsOptions {
  version: string;
  store: "lmdb" | "redis";
  peers?: Peers | undefined;
}

/** How long a scrape waits for each of its questions. */
const PATIENCE = 1_000;

export function openMetrics({ version, store, peers = alone }: MetricsOptions): Metrics {
  const { count, observe, set, snapshot } = instruments();
  let gauges: Gauges | undefined;
  const membership = peers.join(async () => {
    set("latchkey_workers", 1);
    set("latchkey_build_info", 1, { version, store });
    if (gauges) await Promise.all([askStore(gauges, set), askMail(gauges, set)]);
    return snapshot();
  });
  const one = shared(async () => merged(await membership.gather()));
  return {
    event: (event) => countEvent(event, count),
    signedIn: (way) => count("latchkey_sign_ins_total", { way, outcome: "ok" }),
    answered: (answer) => countAnswer(answer, { count, observe }),
    issued: (grant) => count("latchkey_tokens_issued_total", { grant: GRANTS[String(grant)] ?? "other" }),
    failed: (endpoint, error) => count("latchkey_oauth_errors_total", { endpoint, error: word(error) }),
    notice: (outcome) => count("latchkey_logout_notices_total", { outcome }),
    mail: (outcome) => count("latchkey_mails_total", { outcome }),
    kept: (outcome, seconds) => observe("latchkey_store_durable_seconds", { outcome }, seconds),
    ask: (asked) => {
      gauges = asked;
    },
    scrape: async (accept) => exposition(await one(), accept),
    close: () => membership.leave(),
  };
}

type Count = Instruments["count"];

function countEvent(event: Event, count: Count): void {
  const { type, detail } = event;
  count("latchkey_events_total", { event: type });
  const kind = REGISTRATIONS[type];
  if (kind) count("latchkey_registrations_total", { kind });
  const outcome = CONVERSIONS[type];
  if (outcome) count("latchkey_conversions_total", { outcome });
  if (type !== "ceremony.refused") return;
  count("latchkey_ceremonies_refused_total", { reason: word(detail?.reason) });
  const way = wayRefused(event);
  if (way) count("latchkey_sign_ins_total", { way, outcome: "refused" });
}

const METHODS: Readonly<Record<string, string>> = { GET: "GET", HEAD: "GET", POST: "POST" };

function countAnswer(answer: Answered, { count, observe }: Pick<Instruments, "count" | "observe">): void {
  const { route, status, seconds, code } = answer;
  const method = METHODS[answer.method ?? ""] ?? "other";
  const family = status === undefined ? "none" : `${Math.floor(status / 100)}xx`;
  count("latchkey_http_requests_total", { route, method, status: family });
  if (status !== undefined) observe("latchkey_http_request_duration_seconds", { route, method }, seconds);
  if (code !== undefined) count("latchkey_refusals_total", { code: word(code) });
}

async function askStore({ ping }: Gauges, set: Instruments["set"]): Promise<void> {
  const began = performance.now();
  const up = await inTime(ping().then(() => true)).catch(() => false);
  set("latchkey_store_up", up ? 1 : 0);
  set("latchkey_store_ping_seconds", (performance.now() - began) / 1000);
}

async function askMail({ mail }: Gauges, set: Instruments["set"]): Promise<void> {
  const found = await inTime(mail?.() ?? Promise.resolve(undefined)).catch(() => undefined);
  if (!found) return;
  set("latchkey_mails_waiting", found.count);
  set("latchkey_mail_oldest_seconds", found.oldest);
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer yet")), PATIENCE);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** Whoever asks while an answer is being made gets that one: asking often makes no more work than asking once. */
function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= work().finally(() => {
      running = undefined;
    });
    return running;
  };
}
