/** The table of definitions as instruments of the library, with what it tells of the process itself. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { type Definition, definitions, type MetricName } from "./definitions.ts";
import type { Snapshot } from "./snapshot.ts";

type Labels = Readonly<Record<string, string>>;

export interface Instruments {
  count(name: MetricName, labels: Labels): void;
  observe(name: MetricName, labels: Labels, seconds: number): void;
  set(name: MetricName, value: number, labels?: Labels): void;
  snapshot(): Promise<Snapshot>;
}

export function instruments(): Instruments {
  const registry = new Registry();
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, Histogram>();
  const gauges = new Map<string, Gauge>();
  for (const [name, definition] of Object.entries<Definition>(definitions)) {
    const { type, help, labels = {}, buckets = [], together = "sum" } = definition;
    const common = { name, help, labelNames: Object.keys(labels), registers: [registry] };
    if (type === "counter") counters.set(name, begun(new Counter(common), labels));
    else if (type === "histogram") histograms.set(name, new Histogram({ ...common, buckets: [...buckets] }));
    else gauges.set(name, new Gauge({ ...common, aggregator: together }));
  }
  collectDefaultMetrics({ register: registry });
  return {
    count: (name, labels) => counters.get(name)?.inc(labels),
    observe: (name, labels, seconds) => histograms.get(name)?.observe(labels, seconds),
    set: (name, value, labels = {}) => gauges.get(name)?.set(labels, value),
    snapshot: async () => (await registry.getMetricsAsJSON()) as unknown as Snapshot,
  };
}

/** Series that will certainly exist begin with 0, so that the first event of each is a rise and not a beginning. */
function begun(counter: Counter, labels: NonNullable<Definition["labels"]>): Counter {
  const all = Object.entries(labels);
  if (all.some(([, values]) => values === "open")) return counter;
  const every = all.reduce<Labels[]>(
    (known, [label, values]) =>
      known.flatMap((one) => [...values].map((value) => ({ ...one, [label]: value }))),
    [{}],
  );
  for (const one of every) counter.inc(one, 0);
  return counter;
}
