/**
 * The log: one line for each fact, safe to print whatever a stranger sent.
 *
 * Values are cut at 256 characters, control characters are written out, and what looks like a secret is replaced
 * before pino sees it, so that the JSON lines and the pretty ones are protected alike.
 */
import { pino } from "pino";
import { type Clock, systemClock } from "./clock.ts";
import { clean, type Fields, oneLine } from "./log/fields.ts";

export type { Fields } from "./log/fields.ts";

/** Where the log goes; pino's own loggers fit behind it. */
export interface Logger {
  debug(fields: Fields, message: string): void;
  info(fields: Fields, message: string): void;
  warn(fields: Fields, message: string): void;
  error(fields: Fields, message: string): void;
}

export type Level = keyof Logger;

/** Takes finished lines. */
export interface Sink {
  write(line: string): void;
}

export interface LogOptions {
  level: Level;
  format: "pretty" | "json";
  /** Where lines go instead of the standard output. */
  sink?: Sink;
  clock?: Clock;
}

/** Says nothing: what a plugin uses until its host asks for more. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * A logger that writes one line for each call, at once.
 *
 * @example
 * ```ts
 * const log = await createLogger({ level: "info", format: "json" });
 * log.info({ issuer: "https://id.example.com" }, "listening");
 * // {"level":"info","time":"2026-11-22T14:00:00.000Z","issuer":"https://id.example.com","msg":"listening"}
 * ```
 */
export async function createLogger({
  level,
  format,
  sink,
  clock = systemClock,
}: LogOptions): Promise<Logger> {
  const target = format === "pretty" ? await prettySink(sink) : (sink ?? standardOutput());
  const log = pino(
    {
      level,
      base: null,
      // Errors are written by us; pino's own serializer would add its view of what is left of them.
      serializers: { err: (value) => value },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
    },
    target,
  );
  const at = (name: Level) => (fields: Fields, message: string) => {
    if (log.isLevelEnabled(name)) log[name](clean(fields), oneLine(message));
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Synchronous, so that the last line before an exit is not lost; a reader that went away is no reason to stop. */
function standardOutput(): Sink {
  const destination = pino.destination({ fd: 1, sync: true });
  destination.on("error", () => {});
  return destination;
}

/** Loaded only where a person reads: pretty printing costs memory that a server does not need. */
async function prettySink(sink: Sink | undefined): Promise<Sink> {
  const { default: pretty } = await import("pino-pretty");
  const destination = sink ? asStream(sink) : 1;
  return pretty({ sync: true, colorize: sink === undefined, translateTime: "SYS:HH:MM:ss", destination });
}

function asStream(sink: Sink): NodeJS.WritableStream {
  return { write: (line: string) => sink.write(line), on() {}, once() {}, emit() {}, end() {} } as never;
}
