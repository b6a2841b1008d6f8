/**
 * Every number of ours that `/metrics` shows, in one table: what it is called, what people read about it, and the values
 * that its labels may take. No label holds what a stranger sent, and none says who somebody is. There is none for the
 * app either: how many there are nobody knows beforehand, and which one somebody uses is the audit log's to tell.
 */

import type { Way } from "../events.ts";

/** Values that a label may take; `open` where the list is another table's: routes, codes, events. */
type Values = readonly string[] | "open";

export interface Definition {
  type: "counter" | "gauge" | "histogram";
  help: string;
  labels?: Readonly<Record<string, Values>>;
  /** Upper bounds in seconds. */
  buckets?: readonly number[];
  /** What several processes say together; counters and histograms are sums. */
  together?: "sum" | "max" | "min";
}

const WAYS: readonly Way[] = [
  "passkey",
  "password",
  "sign_up",
  "conversion",
  "recovery",
  "invitation",
  "setup",
];

const OUTCOMES = ["ok", "refused"] as const;

/** What an authorization server is asked for tokens with; anything else a stranger made up. */
export const GRANTS: Readonly<Record<string, string>> = {
  authorization_code: "authorization_code",
  refresh_token: "refresh_token",
  client_credentials: "client_credentials",
  "urn:ietf:params:oauth:grant-type:device_code": "device_code",
};

export const definitions = {
  latchkey_sign_ins_total: {
    type: "counter",
    help: "Sign-ins, by the way that was tried and what came of it. A session that still counts needs none.",
    labels: { way: WAYS, outcome: OUTCOMES },
  },
  latchkey_registrations_total: {
    type: "counter",
    help: "New accounts, first owners, and passkeys that were added to an account.",
    labels: { kind: ["account", "owner", "passkey"] },
  },
  latchkey_conversions_total: {
    type: "counter",
    help: "Passwords that ended: closed by a passkey, removed by their owner, dropped by the operator; and undone ends.",
    labels: { outcome: ["closed", "removed", "dropped", "undone"] },
  },
  latchkey_events_total: {
    type: "counter",
    help: "What this server wrote to the audit log or announced, by type of event. What commands do is not in it.",
    labels: { event: "open" },
  },
  latchkey_ceremonies_refused_total: {
    type: "counter",
    help: "Answers to a passkey ceremony or another proof that were refused, by the reason that the log has.",
    labels: { reason: "open" },
  },
  latchkey_refusals_total: {
    type: "counter",
    help: "Requests that were answered with an error of ours, by its stable code (docs/errors.md).",
    labels: { code: "open" },
  },
  latchkey_tokens_issued_total: {
    type: "counter",
    help: "Token requests that were answered with tokens, by grant type; refresh_token counts the renewals.",
    labels: { grant: [...Object.values(GRANTS), "other"] },
  },
  latchkey_oauth_errors_total: {
    type: "counter",
    help: "OAuth errors that apps were given, by endpoint and error.",
    labels: { endpoint: ["authorization", "token", "userinfo"], error: "open" },
  },
  latchkey_logout_notices_total: {
    type: "counter",
    help: "Back-channel logout: apps that were told, that are told again later, and that could not be told.",
    labels: { outcome: ["told", "later", "given_up"] },
  },
  latchkey_http_requests_total: {
    type: "counter",
    help: "Requests to the main listener, by route, method and class of status; `none` for those that broke off.",
    labels: { route: "open", method: ["GET", "POST", "other"], status: "open" },
  },
  latchkey_http_request_duration_seconds: {
    type: "histogram",
    help: "How long requests took, from their headers to the end of the answer.",
    labels: { route: "open", method: ["GET", "POST", "other"] },
    buckets: [0.005, 0.025, 0.1, 0.5, 2.5],
  },
  latchkey_store_up: {
    type: "gauge",
    help: "1 when the store answered this scrape within a second, as seen by every process; else 0.",
    together: "min",
  },
  latchkey_store_ping_seconds: {
    type: "gauge",
    help: "How long the store took to answer this scrape; of several processes the slowest.",
    together: "max",
  },
  latchkey_store_durable_seconds: {
    type: "histogram",
    help: "How long changes that must not be lost waited until the store kept them, or said that it could not.",
    labels: { outcome: ["kept", "failed"] },
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5],
  },
  latchkey_mails_total: {
    type: "counter",
    help: "Attempts to hand a mail to the mail server: taken, failed for now, refused for good.",
    labels: { outcome: ["sent", "failed", "refused"] },
  },
  latchkey_mails_waiting: {
    type: "gauge",
    help: "Mails that wait to be sent, counted up to 1000.",
    together: "max",
  },
  latchkey_mail_oldest_seconds: {
    type: "gauge",
    help: "How long the oldest of them has waited; 0 when none does.",
    together: "max",
  },
  latchkey_workers: {
    type: "gauge",
    help: "Processes that serve and answered this scrape.",
    together: "sum",
  },
  latchkey_build_info: {
    type: "gauge",
    help: "1, with the version that runs and the kind of store it runs on.",
    labels: { version: "open", store: ["lmdb", "redis"] },
    together: "max",
  },
} as const satisfies Record<string, Definition>;

export type MetricName = keyof typeof definitions;

/** The table of the documentation. */
export function metricsTable(): string {
  const row = ([name, definition]: [string, Definition]) => {
    const { type, help, labels = {} } = definition;
    const named = Object.entries(labels).map(([label, values]) =>
      values === "open" || label === "store" ? `\`${label}\`` : `\`${label}\` (${values.join(", ")})`,
    );
    return `| \`${name}\` | ${type} | ${named.join("; ")} | ${help} |`;
  };
  return [
    "| metric | type | labels | |",
    "|---|---|---|---|",
    ...Object.entries(definitions).map(row),
    "",
  ].join("\n");
}
