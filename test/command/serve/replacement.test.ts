/** F23: when another worker starts, and which one is taken for stuck. With real processes: `test/fault/workers.fault.ts`. */
import { describe, expect, test } from "vitest";
import { pauseBefore, pulse } from "../../../src/command/serve/replacement.ts";

describe("F23 the pause before another worker", () => {
  test("is none for one that served, whatever failed before it", () => {
    const pauses = [0, 1, 5, 50].map((failures) => pauseBefore({ served: true, failures }));
    expect(pauses).toEqual([0, 0, 0, 0]);
  });

  test("grows with each that ended before it served, and not without end", () => {
    const pauses = [1, 2, 3, 4, 7, 8, 5_000].map((failures) => pauseBefore({ served: false, failures }));
    expect(pauses).toEqual([100, 200, 400, 800, 6_400, 10_000, 10_000]);
  });
});

describe("F23 the pulse of workers", () => {
  test("finds the one that is silent, and not the one that is heard", () => {
    const workers = pulse(3);
    workers.beat(1);
    workers.beat(2);
    const found = Array.from({ length: 4 }, () => {
      workers.beat(2);
      return workers.pass();
    });
    expect(found).toEqual([[], [], [], [1]]);
  });

  test("begins anew with each word, and ends with the worker", () => {
    const workers = pulse(1);
    workers.beat(1);
    workers.pass();
    workers.beat(1);
    expect(workers.pass()).toEqual([]);
    expect(workers.pass()).toEqual([1]);
    workers.forget(1);
    expect(workers.pass()).toEqual([]);
  });
});
