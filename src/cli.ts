#!/usr/bin/env node
/** The program: hands its arguments to the commands and ends with their exit code. */
// The build packs everything behind these two into a few files: opening hundreds of them is what a start costs most.
const { run } = await import("./command/run.ts");
const { processTerminal } = await import("./command/terminal.ts");

process.exitCode = await run(process.argv.slice(2), processTerminal());
// Whatever a library left open must not keep a finished command alive.
setTimeout(() => process.exit(), 1000).unref();
