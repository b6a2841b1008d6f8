/** The checker of histories itself: what it lets pass and what it finds. */
import { describe, expect, test } from "vitest";
import { type Call, inexplicable, type Recorded } from "../support/linearizable.ts";

const key = "kind:a";
const unknown = undefined;
const call = (
  from: number,
  until: number,
  made: Call,
  outcome: { value: unknown } | undefined,
): Recorded => ({
  key,
  call: made,
  from,
  until,
  outcome,
});
const commit = (version: string, expect_: string): Call => ({
  do: "commit",
  value: version,
  expect: expect_,
  version,
});
const read: Call = { do: "read" };
const take = (op: string): Call => ({ do: "take", op });
const stored = (version: string) => ({ value: { value: version, version } });

describe("a history", () => {
  test.each<[string, Recorded[]]>([
    ["of nothing", []],
    [
      "in which a read at the time of a commit sees the old state",
      [call(0, 9, commit("a", "absent"), { value: true }), call(1, 2, read, { value: undefined })],
    ],
    [
      "in which it sees the new one",
      [call(0, 9, commit("a", "absent"), { value: true }), call(1, 2, read, stored("a"))],
    ],
    [
      "in which a commit whose answer was lost was carried out later",
      [
        call(0, 1, commit("a", "absent"), unknown),
        call(2, 3, read, { value: undefined }),
        call(4, 5, read, stored("a")),
      ],
    ],
    [
      "in which one of two takers wins",
      [
        call(0, 1, commit("a", "absent"), { value: true }),
        call(2, 9, take("1"), { value: undefined }),
        call(2, 9, take("2"), { value: "a" }),
        call(10, 11, take("2"), { value: "a" }),
      ],
    ],
  ])("%s can be explained", (_, history) => {
    expect(inexplicable(history)).toEqual([]);
  });

  test.each<[string, Recorded[]]>([
    [
      "in which an acknowledged commit is lost",
      [call(0, 1, commit("a", "absent"), { value: true }), call(2, 3, read, { value: undefined })],
    ],
    [
      "in which two claims win",
      [
        call(0, 9, commit("a", "absent"), { value: true }),
        call(0, 9, commit("b", "absent"), { value: true }),
      ],
    ],
    [
      "in which two takers win",
      [
        call(0, 1, commit("a", "absent"), { value: true }),
        call(2, 9, take("1"), { value: "a" }),
        call(2, 9, take("2"), { value: "a" }),
      ],
    ],
    [
      "in which a refused commit is there",
      [
        call(0, 1, commit("a", "absent"), { value: true }),
        call(2, 3, commit("b", "a"), { value: false }),
        call(4, 5, read, stored("b")),
      ],
    ],
    [
      "in which a read goes back in time",
      [
        call(0, 9, commit("a", "absent"), { value: true }),
        call(1, 2, read, stored("a")),
        call(3, 4, read, { value: undefined }),
      ],
    ],
  ])("%s cannot", (_, history) => {
    expect(inexplicable(history)).toEqual([key]);
  });
});
