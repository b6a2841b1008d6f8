/** `latchkey config`: what is set, and where. */
import type { Command } from "commander";
import { type Common, type Context, loaded, print } from "./context.ts";
import { table } from "./terminal.ts";

export function configCommands(program: Command, context: Context): void {
  const group = program.command("config").description("the settings in effect");
  group
    .command("print")
    .description("every setting with its value and where it comes from; secrets are masked")
    .option("--json", "print one JSON document")
    .action((options: Common) => printSettings(context, options));
}

async function printSettings(context: Context, options: Common): Promise<void> {
  const { describeSettings } = await import("../config/describe.ts");
  const described = describeSettings(await loaded(context));
  const document = Object.fromEntries(described.map(({ key, ...rest }) => [key, rest]));
  const rows = described.map(({ key, value, source }) => [key, shown(value), source]);
  print(context, options, document, table([["setting", "value", "source"], ...rows]));
}

function shown(value: unknown): string {
  if (value === null) return "-";
  return typeof value === "string" ? value : JSON.stringify(value);
}
