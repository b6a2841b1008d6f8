/** Spans on the command line, written as in the settings: `30m`, `12h`, `7d`. */
import { InvalidArgumentError } from "commander";
import { toMillis } from "../config/span.ts";
import type { Millis } from "../store/store.ts";

/** @throws InvalidArgumentError for anything that is no span of at least a second */
export function span(text: string): Millis {
  const millis = toMillis(text);
  if (millis === undefined || millis < 1000)
    throw new InvalidArgumentError("expected a span such as 30m, 12h or 7d");
  return millis;
}
