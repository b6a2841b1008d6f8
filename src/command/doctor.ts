/** `latchkey doctor`: what is wrong with this installation, and the remedy. */
import type { Command } from "commander";
import { type Common, type Context, print } from "./context.ts";
import type { Check } from "./doctor/checks.ts";

export function doctorCommand(program: Command, context: Context): void {
  program
    .command("doctor")
    .description("what is wrong with this installation, and the remedy")
    .option("--json", "print one JSON document")
    .action((options: Common) => doctor(context, options));
}

async function doctor(context: Context, options: Common): Promise<void> {
  const { examine } = await import("./doctor/checks.ts");
  const checks = await examine(context);
  const ok = checks.every((check) => check.ok || check.level !== "error");
  print(context, options, { ok, checks }, `${checks.map(lineFor).join("\n")}\n`);
  if (!ok) context.outcome.code = 1;
}

function lineFor({ name, ok, level, message, remedy }: Check): string {
  const mark = (ok ? "ok" : level).padEnd(9);
  return `${mark}${name}: ${message}${remedy ? `\n${" ".repeat(9)}${remedy}` : ""}`;
}
