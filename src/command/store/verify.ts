/** `latchkey store verify`: every reference between records. */
import { type Common, type Context, print, withInstallation } from "../context.ts";
import { progress } from "../progress.ts";
import { table } from "../terminal.ts";
import { shelfOf } from "./places.ts";

export interface VerifyFlags extends Common {
  fix?: true;
}

export function verify(context: Context, flags: VerifyFlags): Promise<void> {
  return withInstallation(context, async ({ store, settings }) => {
    const { verifyStore } = await import("../../transfer/verify.ts");
    const shelf = await shelfOf(store, settings.store);
    const bar = progress(context.terminal, "records");
    try {
      const report = await verifyStore({
        store,
        shelf,
        fix: flags.fix === true,
        tell: (seen) => bar.tell(seen, undefined),
      });
      bar.end();
      const left = report.problems.filter(({ fixed }) => !fixed).length;
      const ok = left === 0;
      const rows = report.problems.map(({ key, problem, fixed }) => [
        fixed ? "fixed" : "wrong",
        key,
        problem,
      ]);
      const summary = `${report.seen} records seen, ${report.found} problems, ${report.fixed} repaired\n`;
      print(context, flags, { ok, ...report }, `${rows.length > 0 ? table(rows) : ""}${summary}`);
      if (report.found > report.fixed) context.outcome.code = 1;
    } finally {
      bar.end();
    }
  });
}
