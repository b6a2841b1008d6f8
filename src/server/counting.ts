/** Where the server's parts meet what counts them. Without an admin port nobody could ask, and nothing is loaded. */
import type { Settings } from "../config/load.ts";
import { addressNamer } from "../http/addresses.ts";
import { adminHandler } from "../http/entrance/health.ts";
import { type Listener, listen, type Over } from "../http/entrance/listener.ts";
import { refusalOf } from "../http/entrance/request.ts";
import type { Logger } from "../log.ts";
import type { Peers } from "../metrics/peers.ts";
import type { Gauges, Metrics } from "../metrics.ts";

export interface Counting {
  /** Which program counts. */
  version?: string;
  /** The processes that share the port with this one. */
  peers?: Peers;
}

export async function metricsFor(
  { adminPort, store }: Settings,
  { version = "unknown", peers }: Counting,
): Promise<Metrics | undefined> {
  if (!adminPort) return undefined;
  const { openMetrics } = await import("../metrics.ts");
  return openMetrics({ version, store: store.startsWith("lmdb:") ? "lmdb" : "redis", peers });
}

/** Counts every answer of a listener, by the pattern of its address. @param own the addresses of our own pages */
export function countingAnswers(metrics: Metrics, own: readonly string[]): Over {
  const nameOf = addressNamer(own);
  return (response, { url, seconds }) => {
    const { req: request, statusCode, writableEnded } = response;
    const status = writableEnded ? statusCode : undefined;
    const { method } = request;
    metrics.answered({ route: nameOf(url), method, status, seconds, code: refusalOf(request) });
  };
}

export interface AdminPort {
  settings: Pick<Settings, "adminPort" | "host">;
  metrics: Metrics | undefined;
  ready: () => Promise<boolean>;
  gauges: Gauges;
  log: Logger;
}

/** The port for operators, where there is one. */
export async function openAdminPort(o: AdminPort): Promise<Listener[]> {
  const { settings, metrics, ready, gauges, log } = o;
  if (!settings.adminPort || !metrics) return [];
  metrics.ask(gauges);
  return [await listen(adminHandler(ready, metrics.scrape, log), settings.adminPort, settings.host)];
}
