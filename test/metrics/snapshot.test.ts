import { describe, expect, test } from "vitest";
import { countedIn, type Family, merged } from "../../src/metrics/snapshot.ts";

const family = (o: Partial<Family> & Pick<Family, "values">): Family => ({
  name: "n",
  help: "h",
  type: "counter",
  aggregator: "sum",
  ...o,
});
const one = (value: number, labels = {}) => ({ labels, value });

describe("several snapshots as one", () => {
  test("counters are added up, series by series, in whatever order their labels stand", () => {
    const a = family({ values: [one(1, { x: "1", y: "2" }), one(5, { x: "2", y: "2" })] });
    const b = family({ values: [one(2, { y: "2", x: "1" })] });
    const [sum] = merged([[a], [b]]);
    expect(sum?.values.map(({ value }) => value)).toEqual([3, 5]);
  });

  test("the parts of a histogram stay apart", () => {
    const part = (metricName: string, value: number) => ({ metricName, labels: {}, value });
    const values = [part("n_sum", 1), part("n_count", 2)];
    const [sum] = merged([[family({ type: "histogram", values })], [family({ type: "histogram", values })]]);
    expect(sum?.values).toEqual([part("n_sum", 2), part("n_count", 4)]);
  });

  test.each([
    ["max", 9],
    ["min", 1],
    ["average", 5],
    ["first", 1],
    ["omit", 1],
  ])("a gauge says together what its kind says: %s", (aggregator, expected) => {
    const of = (value: number) => [family({ type: "gauge", aggregator, values: [one(value)] })];
    expect(merged([of(1), of(9)])[0]?.values).toEqual([one(expected)]);
  });

  test("what is no number any more after its way between processes is left out", () => {
    const broken = family({ values: [one(null as never), one(Number.NaN, { x: "1" })] });
    expect(merged([[broken], [family({ values: [one(2)] })]])[0]?.values).toEqual([one(2)]);
  });

  test("of a process that ended only what it counted is left", () => {
    const types = ["counter", "gauge", "histogram"].map((type) => family({ type, values: [] }));
    expect(countedIn(types).map(({ type }) => type)).toEqual(["counter", "histogram"]);
  });
});
