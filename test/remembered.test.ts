/** What is worked out once for a text that comes again. */
import { expect, test } from "vitest";
import { remembered } from "../src/remembered.ts";

/** The lengths of texts, and how often one was counted. */
function counting() {
  const asked: string[] = [];
  const lengthOf = remembered((text) => {
    asked.push(text);
    return text === "" ? undefined : text.length;
  });
  return { asked, lengthOf };
}

test("the same text is worked out once, whatever the answer; another one for itself", () => {
  const { asked, lengthOf } = counting();
  expect(["abc", "abc", "", "", "ab"].map(lengthOf)).toEqual([3, 3, undefined, undefined, 2]);
  expect(asked).toEqual(["abc", "", "ab"]);
});

test("a long text is worked out each time, and many texts push out the old ones", () => {
  const { asked, lengthOf } = counting();
  const long = "x".repeat(301);
  expect([lengthOf(long), lengthOf(long)]).toEqual([301, 301]);
  expect(asked).toHaveLength(2);
  for (let at = 0; at < 1_000; at++) lengthOf(`agent ${at}`);
  const before = asked.length;
  expect([lengthOf("agent 999"), lengthOf("agent 0")]).toEqual([9, 7]);
  expect(asked.slice(before)).toEqual(["agent 0"]);
});
