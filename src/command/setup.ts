/** `latchkey setup`: makes the store ready, and a link for the first owner. */
import type { Command } from "commander";
import { type Common, type Context, print, withInstallation } from "./context.ts";
import { table } from "./terminal.ts";

export function setupCommand(program: Command, context: Context): void {
  program
    .command("setup")
    .description("initialise the store; a new one-time setup link while there is no owner")
    .option("--json", "print one JSON document")
    .action((options: Common) => setup(context, options));
}

function setup(context: Context, options: Common): Promise<void> {
  return withInstallation(
    context,
    async ({ setup, meta }) => {
      const { url, expires } = await setup.issue();
      const until = new Date(expires).toISOString();
      const rows = [
        ["setup", url],
        ["expires", until],
        ["store id", meta.id],
      ];
      print(context, options, { url, expires: until, store_id: meta.id }, table(rows));
    },
    { initialise: true },
  );
}
