#!/usr/bin/env node
/** The program: hands its arguments to the commands and ends with their exit code. */
import { run } from "./command/run.ts";
import { processTerminal } from "./command/terminal.ts";

process.exitCode = await run(process.argv.slice(2), processTerminal());
// Whatever a library left open must not keep a finished command alive.
setTimeout(() => process.exit(), 1000).unref();
