/**
 * What one process has counted, as it can be sent to another, and what several say together. Knows no library, because
 * the first of several processes, which serves nothing, uses it too.
 */

export interface Sample {
  /** Of a histogram's parts: the name with its ending. */
  metricName?: string | undefined;
  labels: Readonly<Record<string, string | number>>;
  value: number;
}

export interface Family {
  name: string;
  help: string;
  type: string;
  /** What several processes say together. */
  aggregator: string;
  values: readonly Sample[];
}

export type Snapshot = readonly Family[];

const TOGETHER: Readonly<Record<string, (values: readonly number[]) => number>> = {
  sum,
  max: (values) => Math.max(...values),
  min: (values) => Math.min(...values),
  average: (values) => sum(values) / values.length,
  first: ([value = 0]) => value,
  // When a process began: for several of them, the oldest.
  omit: (values) => Math.min(...values),
};

/** One snapshot for many: each series once. What is no number in one of them is left out. */
export function merged(snapshots: readonly Snapshot[]): Snapshot {
  const families = new Map<string, { family: Family; series: Map<string, Sample[]> }>();
  for (const family of snapshots.flat()) {
    const known = families.get(family.name) ?? { family, series: new Map<string, Sample[]>() };
    families.set(family.name, known);
    for (const sample of family.values) {
      if (!Number.isFinite(sample.value)) continue;
      const key = keyOf(sample);
      known.series.set(key, [...(known.series.get(key) ?? []), sample]);
    }
  }
  return [...families.values()].map(({ family, series }) => ({
    ...family,
    values: [...series.values()].map((samples) => together(family, samples)),
  }));
}

/** What has been counted, without what only is: all that is left to say of a process that ended. */
export function countedIn(snapshot: Snapshot): Snapshot {
  return snapshot.filter(({ type }) => type === "counter" || type === "histogram");
}

function together({ aggregator }: Family, samples: readonly Sample[]): Sample {
  const [first] = samples as [Sample, ...Sample[]];
  return { ...first, value: (TOGETHER[aggregator] ?? sum)(samples.map(({ value }) => value)) };
}

function keyOf({ metricName = "", labels }: Sample): string {
  return JSON.stringify([metricName, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
