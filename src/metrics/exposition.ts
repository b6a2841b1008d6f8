/** A snapshot as text: in the format of Prometheus, or in OpenMetrics for who asks for that. */
import { type Metric, Registry, type RegistryContentType } from "prom-client";
import type { Family, Snapshot } from "./snapshot.ts";

export interface Exposition {
  type: string;
  text: string;
}

/** @param accept what the asker takes, as its header says */
export async function exposition(snapshot: Snapshot, accept: string): Promise<Exposition> {
  const isOpen = /\bapplication\/openmetrics-text\b/i.test(accept);
  const registry = new Registry<RegistryContentType>();
  const type = isOpen ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE;
  registry.setContentType(type);
  for (const family of snapshot) registry.registerMetric(asMetric(isOpen ? openly(family) : family));
  return { type, text: await registry.metrics() };
}

/** The registry asks for no more of a metric than its name, its type and what it has. */
function asMetric(family: Family): Metric {
  return { ...family, get: async () => family } as unknown as Metric;
}

/** In OpenMetrics a counter's family has no ending, and its one sample has: the library adds it to whatever it finds. */
function openly(family: Family): Family {
  return family.type === "counter" ? { ...family, name: family.name.replace(/_total$/, "") } : family;
}
